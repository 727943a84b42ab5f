#include "frontend/s3/xml.h"

#include <gtest/gtest.h>

namespace atl::s3 {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_xml_escaped(&out, text);
  return out;
}

TEST(Xml, Escaping) {
  EXPECT_EQ(escaped("plain/kéy"), "plain/kéy");
  EXPECT_EQ(escaped("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
  EXPECT_EQ(escaped("a\tb\nc\rd"), "a&#x9;b&#xa;c&#xd;d");
  EXPECT_EQ(escaped(std::string_view("\x01\x1f\x7f", 3)), "&#x1;&#x1f;&#x7f;");
  EXPECT_EQ(escaped("\uFFFEa\uFFFF\uFFFE"), "&#xfffe;a&#xffff;&#xfffe;");
  EXPECT_EQ(escaped("<\uFFFD\uFF21>"), "&lt;\uFFFD\uFF21&gt;") << "its neighbours stay";
}

TEST(Xml, WhatIsWrittenIsRead) {
  const std::string key = "a<&>\"' \t\n é𝄞 ]]> \x7f\uFFFE\uFFFF";
  XmlWriter writer;
  writer.open_root("Delete").open("Object").text("Key", key).close("Object").number("N", 42);
  writer.boolean("Quiet", true).close("Delete");
  auto document = XmlDocument::parse(writer.take(), "Delete");
  ASSERT_TRUE(document.has_value());
  const auto object = child_of(document->root(), "Object");
  EXPECT_EQ(child_text(object, "Key"), key);
  EXPECT_EQ(child_text(document->root(), "N"), "42");
  EXPECT_EQ(child_text(document->root(), "Quiet"), "true");
  EXPECT_FALSE(child_text(document->root(), "None").has_value());
}

TEST(Xml, PrefixesCdataAndBlankKeys) {
  auto document = XmlDocument::parse(
      "<?xml version='1.0'?><!-- hello --><s3:Delete xmlns:s3='x'><s3:Key> </s3:Key>"
      "<s3:C>a<![CDATA[<b>]]>c</s3:C></s3:Delete>",
      "Delete");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(child_text(document->root(), "Key"), " ");
  EXPECT_EQ(child_text(document->root(), "C"), "a<b>c");
}

TEST(Xml, WhatIsRefused) {
  for (const char* bad : {"",
                          " ",
                          "text",
                          "<Delete>",
                          "<Delete></Other>",
                          "<Other/>",
                          "<Delete/><Delete/>",
                          "<Delete/>trailing",
                          "<Delete",
                          "<Delete><Key>a&#0;b</Key></Delete>",
                          "<Delete><Key>&#x0;</Key></Delete>",
                          "<Delete><Key>&#4294967296;</Key></Delete>",
                          "<Delete><Key>&#xd800;</Key></Delete>",
                          "<Delete><Key>&#x110000;</Key></Delete>",
                          "<Delete><Key>&#xz;</Key></Delete>",
                          "<Delete><Key>&#65</Key></Delete>",
                          "<Delete><Key>a & b</Key></Delete>",
                          "<Delete><Key>&nbsp;</Key></Delete>",
                          "<Delete><Key>\x01</Key></Delete>",
                          "<Delete><Key>\xc0\xaf</Key></Delete>",
                          "<Delete>text<Key>a</Key></Delete>",
                          "<Delete><!-- <Key>a</Key></Delete>",
                          "<Delete><![CDATA[ </Delete>"}) {
    const auto got = XmlDocument::parse(bad, "Delete");
    ASSERT_FALSE(got.has_value()) << bad;
    EXPECT_EQ(got.error().code, "MalformedXML") << bad;
  }
  const std::string with_nul("<Delete><Key>a\0b</Key></Delete>", 31);
  EXPECT_FALSE(XmlDocument::parse(with_nul, "Delete").has_value());
}

TEST(Xml, DocumentTypesAreRefused) {
  auto document = XmlDocument::parse(
      "<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><Delete><Key>&b;</Key></Delete>",
      "Delete");
  ASSERT_FALSE(document.has_value());
  EXPECT_EQ(document.error().code, "MalformedXML");
}

TEST(Xml, Bounds) {
  std::string many = "<Delete>";
  while (many.size() < (kXmlTagsMax + 1) * 4) many += "<a/>";
  many += "</Delete>";
  EXPECT_EQ(XmlDocument::parse(many, "Delete").error().code, "MaxMessageLengthExceeded");
  std::string deep;
  for (size_t i = 0; i < kXmlTagsMax / 2 - 10; ++i) deep += "<a>";
  EXPECT_EQ(XmlDocument::parse(deep, "a").error().code, "MalformedXML");
  const std::string large(kXmlBytesMax + 1, ' ');
  EXPECT_EQ(XmlDocument::parse(large, "Delete").error().code, "MaxMessageLengthExceeded");
}

TEST(Xml, Decimals) {
  EXPECT_EQ(parse_decimal("0", 10), 0u);
  EXPECT_EQ(parse_decimal("10", 10), 10u);
  for (const char* bad : {"", "11", "-1", "+1", " 1", "1 ", "1.0", "0x1", "99999999999999999999"})
    EXPECT_FALSE(parse_decimal(bad, 10).has_value()) << bad;
}

}  // namespace
}  // namespace atl::s3
