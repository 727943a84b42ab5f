// A page that is written once and comes out twice: as HTML (with drawings) and as Markdown.
//
// Text is Markdown of four marks: **strong**, `code`, [words](address), and \ before a character
// that is to be taken as it is. Whatever comes from outside goes through plain() first.
//
// Values, one thread. No errors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace atl::lab {

// Any text as it is: what would be a mark is escaped, line ends become spaces.
std::string plain(std::string_view text);
// The four marks as HTML, everything else escaped.
std::string inline_html(std::string_view text);

class ReportPage {
 public:
  using Row = std::vector<std::string>;

  void heading(std::string_view text);
  void subheading(std::string_view text);
  void text(std::string_view words);
  void quiet(std::string_view words);  // conditions, small print
  void list(const std::vector<std::string>& items);
  // A row has as many cells as `head`.
  void table(const Row& head, const std::vector<Row>& rows);
  // `svg` is drawn on the HTML page; Markdown has `instead`, which may be empty.
  void figure(std::string_view svg, std::string_view caption, std::string_view instead);
  void columns_begin();  // figures between the two stand side by side where there is room
  void columns_end();
  void fold_begin(std::string_view summary);  // open at once in Markdown
  void fold_end();

  std::string html(std::string_view title) const;
  std::string markdown(std::string_view title) const;

 private:
  std::string html_;
  std::string markdown_;
};

}  // namespace atl::lab
