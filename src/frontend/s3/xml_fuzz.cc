// Any bytes as an XML request body: parsed or refused, and what is escaped is read back as it was.
#include <cstdlib>

#include "frontend/s3/tags.h"
#include "frontend/s3/text.h"
#include "frontend/s3/xml.h"

using namespace atl;
using namespace atl::s3;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* root : {"Delete", "CompleteMultipartUpload", "Tagging"}) {
    auto document = XmlDocument::parse(text, root);
    if (!document) continue;
    for (pugi::xml_node node : document->root().children()) {
      (void)text_of(node);
      (void)child_text(node, "Key");
    }
  }
  (void)parse_tagging_document(text, kObjectTagsMax);

  // NUL cannot be carried; invalid UTF-8 is refused before it gets here.
  if (text.find('\0') != std::string::npos || !is_valid_utf8(text)) return 0;
  XmlWriter writer;
  writer.open_root("Delete").text("Key", text).close("Delete");
  auto again = XmlDocument::parse(writer.take(), "Delete");
  if (!again || child_text(again->root(), "Key") != text) std::abort();
  return 0;
}
