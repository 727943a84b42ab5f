// The figures of a plan, each with how it came about: a formula in words, what went into it, and
// whether anything in it is assumed. `--explain` and the JSON are this, written out.
//
// Threads: one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/book.h"
#include "plan/quantity.h"

namespace atl::plan {

struct Figure {
  std::string key;  // "capacity.usable"; its unit is added where it is written out
  AnyQuantity value;
  std::string how;                  // "nodes x local SSD of one"
  std::vector<std::string> inputs;  // keys of other figures
  std::string origin;               // a datum: file and line
  std::string source;               // a datum: where it was taken from
  bool assumed = false;             // or made from what is
};

// A value that remembers which figure it is.
template <typename Q>
struct Known {
  Q value;
  std::string key;
};

class Sheet {
 public:
  // A datum of a book, under "data.<key>" or "asked.<key>".
  template <typename Q>
  Result<Known<Q>> datum(const Book& book, std::string_view key, std::string_view as) {
    ATOLL_TRY(const Q value, book.get<Q>(key));
    return Known<Q>{value, note_datum(*book.find(key), as, any(value))};
  }

  // What was read out of a datum that is no quantity itself: the shards in "6+2".
  template <typename Q>
  Known<Q> given(const Datum& datum, std::string_view as, Q value) {
    return Known<Q>{value, note_datum(datum, as, any(value))};
  }

  // A figure computed from others.
  template <typename Q>
  Known<Q> put(std::string key, Q value, std::string how, std::vector<std::string> inputs) {
    note(Figure{key, any(value), std::move(how), std::move(inputs), {}, {}, false});
    return Known<Q>{value, std::move(key)};
  }
  // A figure that Atoll itself brings: measured by its benchmark or fixed in its code.
  template <typename Q>
  Known<Q> own(std::string key, Q value, std::string source, bool assumed = false) {
    note(Figure{key, any(value), {}, {}, "atoll", std::move(source), assumed});
    return Known<Q>{value, std::move(key)};
  }

  const std::vector<Figure>& figures() const { return figures_; }
  const Figure* find(std::string_view key) const;
  const Figure& at(std::string_view key) const;  // one that must be there
  // The figure's derivation down to the data, as indented lines.
  std::string explain(std::string_view key) const;

 private:
  std::string note_datum(const Datum& datum, std::string_view as, AnyQuantity value);
  void note(Figure figure);

  std::vector<Figure> figures_;
  std::map<std::string, size_t, std::less<>> places_;
};

}  // namespace atl::plan
