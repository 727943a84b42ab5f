#include "frontend/s3/tls_stream.h"

#include <algorithm>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "env/sync.h"
#include "frontend/s3/tls.h"

namespace atl::s3 {
namespace {

// What is read from the network at once: little while a connection is idle, more while reads come
// back full (a record has up to 16 KiB).
constexpr size_t kReadBytesMin = 1_KiB;
constexpr size_t kReadBytesMax = 64_KiB;
// Records collected before they are sent.
constexpr size_t kFlushBytes = 256_KiB;

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// Shared with a task that sends the closing message after the stream itself is gone.
struct TlsState {
  TlsState(env::Env& e, std::shared_ptr<TlsContext> c, std::unique_ptr<env::Stream> l)
      : env(e), context(std::move(c)), lower(std::move(l)) {}

  env::Env& env;
  std::shared_ptr<TlsContext> context;
  std::unique_ptr<env::Stream> lower;
  std::unique_ptr<SSL, SslFree> ssl;
  std::unique_ptr<uint8_t[]> in;  // records from the network: [in_begin, in_end)
  size_t in_capacity = 0;
  size_t in_begin = 0;
  size_t in_end = 0;
  std::string out;  // records for the network
  env::Mutex flushing;
};

// --- OpenSSL's side: a BIO over the two buffers ---

int bio_read(BIO* bio, char* into, size_t size, size_t* got) {
  auto* state = static_cast<TlsState*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *got = std::min(size, state->in_end - state->in_begin);
  if (*got == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  std::memcpy(into, state->in.get() + state->in_begin, *got);
  state->in_begin += *got;
  return 1;
}

int bio_write(BIO* bio, const char* from, size_t size, size_t* put) {
  static_cast<TlsState*>(BIO_get_data(bio))->out.append(from, size);
  *put = size;
  return 1;
}

long bio_ctrl(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* bio_method() {
  static BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "atoll stream");
    ATOLL_CHECK(made != nullptr);
    BIO_meth_set_read_ex(made, bio_read);
    BIO_meth_set_write_ex(made, bio_write);
    BIO_meth_set_ctrl(made, bio_ctrl);
    return made;
  }();
  return method;
}

std::unexpected<Error> tls_failure() {
  char text[256] = "connection broken";
  if (const unsigned long code = ERR_get_error(); code != 0)
    ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return fail(Errc::kUnavailable, std::string("TLS: ") + text);
}

// --- The network's side ---

Task<Status> flush(std::shared_ptr<TlsState> state) {
  if (state->out.empty()) co_return Status{};
  env::Permit permit = co_await state->flushing.lock();
  std::string records;
  records.swap(state->out);
  if (records.empty()) co_return Status{};
  std::vector<ByteSpan> parts(1, as_bytes(records));
  co_return co_await state->lower->write_all(std::move(parts));
}

// More records into `in`; false at the end.
Task<Result<bool>> receive(std::shared_ptr<TlsState> state) {
  ATOLL_CHECK(state->in_begin == state->in_end);
  const bool was_full = state->in_capacity != 0 && state->in_end == state->in_capacity;
  const size_t capacity = was_full ? std::min(state->in_capacity * 2, kReadBytesMax)
                                   : std::max(state->in_capacity / 2, kReadBytesMin);
  if (capacity != state->in_capacity) {
    state->in = std::make_unique_for_overwrite<uint8_t[]>(capacity);
    state->in_capacity = capacity;
  }
  state->in_begin = state->in_end = 0;
  const MutableByteSpan into{state->in.get(), capacity};
  Result<size_t> n = co_await state->lower->read_some(into);
  if (!n) co_return fail(n.error());
  state->in_end = *n;
  co_return *n != 0;
}

// Signing takes up to a millisecond (RSA), so each step runs on a worker.
Task<Status> handshake(std::shared_ptr<TlsState> state) {
  while (!SSL_is_init_finished(state->ssl.get())) {
    int error = SSL_ERROR_NONE;
    std::string reason;
    std::function<void()> step = [state, &error, &reason] {
      ERR_clear_error();
      error = SSL_get_error(state->ssl.get(), SSL_do_handshake(state->ssl.get()));
      if (error == SSL_ERROR_SSL) reason = tls_failure().error().message;
    };
    co_await state->env.offload(std::move(step));
    Status flushed = co_await flush(state);  // also the alert that says why it failed
    if (error == SSL_ERROR_NONE) co_return flushed;
    if (!flushed) co_return flushed;
    if (error != SSL_ERROR_WANT_READ) co_return fail(Errc::kUnavailable, reason);
    Result<bool> more = co_await receive(state);
    if (!more) co_return fail(more.error());
    if (!*more) co_return fail(Errc::kUnavailable, "TLS: the peer left during the handshake");
  }
  co_return Status{};
}

Task<void> say_goodbye(std::shared_ptr<TlsState> state) {
  Status flushed = co_await flush(state);
  if (flushed) state->lower->shutdown_send();
}

class TlsStream final : public env::Stream {
 public:
  explicit TlsStream(std::shared_ptr<TlsState> state) : state_(std::move(state)) {}
  ~TlsStream() override { close(); }

  Task<Result<size_t>> read_some(MutableByteSpan into) override {
    ATOLL_CHECK(!into.empty());
    auto state = state_;
    Status ready = co_await handshake(state);
    if (!ready) co_return fail(ready.error());
    while (true) {
      size_t n = 0;
      ERR_clear_error();
      const int ok = SSL_read_ex(state->ssl.get(), into.data(), into.size(), &n);
      const int error = ok == 1 ? SSL_ERROR_NONE : SSL_get_error(state->ssl.get(), ok);
      std::string reason = error == SSL_ERROR_SSL ? tls_failure().error().message : "";
      Status flushed = co_await flush(state);  // key updates, alerts
      if (ok == 1) co_return n;
      if (!flushed) co_return fail(flushed.error());
      if (error == SSL_ERROR_ZERO_RETURN) co_return size_t{0};
      if (error != SSL_ERROR_WANT_READ) co_return fail(Errc::kUnavailable, std::move(reason));
      Result<bool> more = co_await receive(state);
      if (!more) co_return fail(more.error());
      // Without a closing message. HTTP knows how long its bodies are, so a cut is noticed there.
      if (!*more) co_return size_t{0};
    }
  }

  Task<Status> write_all(std::vector<ByteSpan> parts) override {
    auto state = state_;
    Status ready = co_await handshake(state);
    if (!ready) co_return ready;
    for (ByteSpan part : parts) {
      while (!part.empty()) {
        size_t n = 0;
        ERR_clear_error();
        const size_t step = std::min<size_t>(part.size(), SSL3_RT_MAX_PLAIN_LENGTH);
        if (SSL_write_ex(state->ssl.get(), part.data(), step, &n) != 1) co_return tls_failure();
        part = part.subspan(n);
        if (state->out.size() < kFlushBytes) continue;
        Status flushed = co_await flush(state);
        if (!flushed) co_return flushed;
      }
    }
    co_return co_await flush(state);
  }

  void shutdown_send() override {
    if (!SSL_is_init_finished(state_->ssl.get())) {
      state_->lower->shutdown_send();
      return;
    }
    ERR_clear_error();
    SSL_shutdown(state_->ssl.get());
    state_->env.spawn("s3_tls_goodbye", say_goodbye(state_));
  }

  void close() override { state_->lower->close(); }
  env::Endpoint remote() const override { return state_->lower->remote(); }

 private:
  std::shared_ptr<TlsState> state_;
};

}  // namespace

std::unique_ptr<env::Stream> make_tls_stream(env::Env& env, std::shared_ptr<TlsContext> context,
                                             SSL* ssl, std::unique_ptr<env::Stream> lower) {
  auto state = std::make_shared<TlsState>(env, std::move(context), std::move(lower));
  BIO* bio = BIO_new(bio_method());
  ATOLL_CHECK(bio != nullptr);
  BIO_set_data(bio, state.get());  // the SSL that owns the BIO dies with the state
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  state->ssl.reset(ssl);
  return std::make_unique<TlsStream>(std::move(state));
}

}  // namespace atl::s3
