// Named data with where each came from: a catalogue of shapes, prices and rates, or a scenario.
//
// The text is TOML. A datum is a line: a quantity as a string ("36000 GiB"), a plain number, a word
// or true/false; or, with its source,
//
//   network = { is = "100 Gb/s", source = "...", assumed = true }
//
// Tables nest; a datum's key is its path: "shape.z3-highmem-88-highlssd.network". Reading is typed:
// a size asked for as a time is refused, with file and line.
//
// Threads: const after parse.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "plan/quantity.h"
#include "plan/unit_text.h"

namespace atl::plan {

struct Origin {
  std::string file;
  uint32_t line = 0;              // 0: not a line of a file, "--vary cluster.nodes=3"
  std::string to_string() const;  // "gcp.toml:12"
};

struct Datum {
  std::variant<AnyQuantity, std::string, bool> value;  // a quantity with a unit is still text
  std::string source;    // where the number was taken from; empty in a scenario
  bool assumed = false;  // nobody has published or measured it
  Origin origin;
};

class Book {
 public:
  // `name` is what errors call the file. kInvalidArgument: file, line, what was wrong and what
  // would be right.
  static Result<Book> parse(std::string_view text, std::string name);

  // What `over` has wins; the rest stays.
  void lay_over(const Book& over);

  void drop(std::string_view table);  // every key below it
  void set(const std::string& key, Datum datum) { data_[key] = std::move(datum); }

  const std::map<std::string, Datum>& data() const { return data_; }
  // Tables without a line, such as `[hibernate]` or `nodes = {}`: they say nothing, and are refused
  // where no such table is known.
  const std::map<std::string, Origin>& empty_tables() const { return empty_; }
  const Datum* find(std::string_view key) const;
  bool has_table(std::string_view prefix) const;  // some key begins with "prefix."
  // The datum below "prefix." (or the one that is called prefix) that comes first in the file;
  // null: there is none. For messages about a whole table.
  const Datum* first_below(std::string_view prefix) const;
  // The names right below "prefix.", in order.
  std::vector<std::string> names_below(std::string_view prefix) const;

  // kNotFound names the key and the nearest one there is.
  Result<const Datum*> at(std::string_view key) const;
  template <typename Q>
  Result<Q> get(std::string_view key) const {
    ATOLL_TRY(const AnyQuantity q, quantity(key, dimensions_of<Q>()));
    if constexpr (std::is_same_v<Q, double>) {
      return q.value;
    } else {
      return Q{q.value};
    }
  }
  Result<AnyQuantity> quantity(std::string_view key, Dimensions wanted) const;
  Result<std::string> word(std::string_view key) const;

  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::map<std::string, Datum> data_;
  std::map<std::string, Origin> empty_;
};

// The word of `words` that is the least different from `word`; empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& words);

// What a datum says as a quantity: an error where its text is none; nothing for true and false.
std::optional<Result<AnyQuantity>> quantity_of(const Datum& datum);

// A word of someone else's in a message: in quotes, without control characters, and no longer than
// kEchoMax.
inline constexpr size_t kEchoMax = 80;
std::string quoted(std::string_view word);
// A datum's value as it was written.
std::string written(const Datum& datum);

// An error at a place of a file: "file:line: key: what".
std::unexpected<Error> wrong_at(const Origin& origin, std::string_view key, std::string_view what);
// An error about one datum: "file:line: key: what".
std::unexpected<Error> wrong(const Datum& datum, std::string_view key, std::string_view what);

}  // namespace atl::plan
