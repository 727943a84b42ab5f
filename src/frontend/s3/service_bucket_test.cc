#include <gtest/gtest.h>

#include "frontend/s3/test_service.h"

namespace atl::s3 {
namespace {

TEST(ServiceBucket, Life) {
  TestService s3;
  const Answer created = s3.put("/my-bucket");
  EXPECT_EQ(created.status, 200);
  EXPECT_EQ(created.header("Location"), "/my-bucket");
  EXPECT_EQ(s3.head("/my-bucket").status, 200);
  EXPECT_EQ(s3.head("/my-bucket").header("x-amz-bucket-region"), "us-east-1");
  EXPECT_EQ(s3.error("PUT", "/my-bucket"), "BucketAlreadyOwnedByYou");
  s3.access_key = "SOMEBODYELSE";
  EXPECT_EQ(s3.error("PUT", "/my-bucket"), "BucketAlreadyExists");
  s3.access_key = "AKIDEXAMPLE";
  s3.put("/my-bucket/k", "x");
  EXPECT_EQ(s3.error("DELETE", "/my-bucket"), "BucketNotEmpty");
  EXPECT_EQ(s3.del("/my-bucket/k").status, 204);
  EXPECT_EQ(s3.del("/my-bucket").status, 204);
  EXPECT_EQ(s3.error("DELETE", "/my-bucket"), "NoSuchBucket");
  const Answer gone = s3.head("/my-bucket");
  EXPECT_EQ(gone.status, 404);
  EXPECT_TRUE(gone.body.empty());
}

TEST(ServiceBucket, NamesAndLocations) {
  TestService s3;
  EXPECT_EQ(s3.error("PUT", "/Bad_Name"), "InvalidBucketName");
  EXPECT_EQ(s3.error("PUT", "/ab"), "InvalidBucketName");
  const auto config = [](const std::string& inner) {
    return "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + inner +
           "</CreateBucketConfiguration>";
  };
  EXPECT_EQ(s3.error("PUT", "/b-1", config("<LocationConstraint>us-east-1</LocationConstraint>")),
            "ok");
  EXPECT_EQ(s3.error("PUT", "/b-2", config("<LocationConstraint>mars-1</LocationConstraint>")),
            "InvalidLocationConstraint");
  EXPECT_EQ(s3.error("PUT", "/b-3", config("<Bucket><Type>Directory</Type></Bucket>")),
            "NotImplemented");
  EXPECT_EQ(s3.error("PUT", "/b-4", "<oops"), "MalformedXML");
  EXPECT_EQ(s3.error("PUT", "/b-5", "", {{"x-amz-acl", "public-read"}}), "NotImplemented");
  EXPECT_EQ(s3.error("HEAD", "/b-5"), "") << "nothing was made";
  EXPECT_EQ(s3.head("/b-5").status, 404);
  EXPECT_EQ(s3.error("PUT", "/b-6", "", {{"x-amz-acl", "private"}}), "ok");
  EXPECT_EQ(s3.error("PUT", "/b-7", "", {{"x-amz-bucket-object-lock-enabled", "true"}}),
            "NotImplemented");
  EXPECT_EQ(s3.get("/b-1?location").text("LocationConstraint"), "");
  EXPECT_NE(s3.get("/b-1?location").body.find("<LocationConstraint xmlns="), std::string::npos);

  TestService elsewhere(256u << 20, "eu-west-3");
  elsewhere.put("/b-1");
  EXPECT_NE(elsewhere.get("/b-1?location").body.find(">eu-west-3</LocationConstraint>"),
            std::string::npos);
}

TEST(ServiceBucket, Listing) {
  TestService s3;
  for (const char* name : {"/zeta", "/alpha", "/beta-1", "/beta-2", "/beta-3"}) s3.put(name);
  const Answer all = s3.get("/");
  EXPECT_EQ(all.texts("Name"),
            (std::vector<std::string>{"alpha", "beta-1", "beta-2", "beta-3", "zeta"}));
  EXPECT_EQ(all.text("DisplayName"), "AKIDEXAMPLE");
  EXPECT_EQ(all.text("ID").size(), 64u);
  const Answer first = s3.get("/?prefix=beta&max-buckets=2");
  EXPECT_EQ(first.texts("Name"), (std::vector<std::string>{"beta-1", "beta-2"}));
  const std::string token = first.text("ContinuationToken");
  const Answer rest = s3.get("/?prefix=beta&max-buckets=2&continuation-token=" + token);
  EXPECT_EQ(rest.texts("Name"), (std::vector<std::string>{"beta-3"}));
  EXPECT_EQ(rest.text("ContinuationToken"), "");
  EXPECT_EQ(s3.error("GET", "/?continuation-token=junk"), "InvalidArgument");
  EXPECT_EQ(s3.error("GET", "/?max-buckets=0"), "InvalidArgument");
  EXPECT_TRUE(s3.get("/?bucket-region=mars-1").texts("Name").empty());
}

TEST(ServiceBucket, WhatClientsAskAbout) {
  TestService s3;
  s3.put("/bucket");
  const std::pair<const char*, const char*> expected[] = {
      {"policy", "NoSuchBucketPolicy"},
      {"policyStatus", "NoSuchBucketPolicy"},
      {"lifecycle", "NoSuchLifecycleConfiguration"},
      {"cors", "NoSuchCORSConfiguration"},
      {"encryption", "ServerSideEncryptionConfigurationNotFoundError"},
      {"object-lock", "ObjectLockConfigurationNotFoundError"},
      {"tagging", "NoSuchTagSet"},
      {"website", "NoSuchWebsiteConfiguration"},
      {"replication", "ReplicationConfigurationNotFoundError"},
      {"publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"},
      {"ownershipControls", "OwnershipControlsNotFoundError"},
      {"versioning", "ok"},
      {"logging", "ok"},
      {"notification", "ok"},
      {"requestPayment", "ok"},
      {"accelerate", "ok"},
      {"acl", "ok"},
      {"versions", "NotImplemented"},
      {"inventory", "NotImplemented"},
  };
  for (const auto& [subresource, code] : expected) {
    EXPECT_EQ(s3.error("GET", std::string("/bucket?") + subresource), code) << subresource;
    const std::string absent = s3.error("GET", std::string("/absent?") + subresource);
    EXPECT_EQ(absent, std::string_view(code) == "NotImplemented" ? code : "NoSuchBucket")
        << subresource;
  }
  EXPECT_EQ(s3.get("/bucket?versioning").text("Status"), "") << "never versioned";
  EXPECT_EQ(s3.get("/bucket?requestPayment").text("Payer"), "BucketOwner");
  EXPECT_EQ(s3.get("/bucket?acl").text("Permission"), "FULL_CONTROL");
  for (const char* change :
       {"/bucket?versioning", "/bucket?policy", "/bucket?lifecycle", "/bucket?cors"})
    EXPECT_EQ(s3.error("PUT", change, "<x/>"), "NotImplemented") << change;
}

TEST(ServiceBucket, AccessLists) {
  TestService s3;
  s3.put("/bucket");
  s3.put("/bucket/k", "x");
  EXPECT_EQ(s3.get("/bucket/k?acl").text("Permission"), "FULL_CONTROL");
  EXPECT_EQ(s3.error("GET", "/bucket/none?acl"), "NoSuchKey");
  EXPECT_EQ(s3.error("PUT", "/bucket/k?acl", "", {{"x-amz-acl", "private"}}), "ok");
  EXPECT_EQ(s3.error("PUT", "/bucket?acl", "", {{"x-amz-acl", "private"}}), "ok");
  EXPECT_EQ(s3.error("PUT", "/bucket/none?acl", "", {{"x-amz-acl", "private"}}), "NoSuchKey");
  EXPECT_EQ(s3.error("PUT", "/bucket/k?acl", "", {{"x-amz-acl", "public-read"}}), "NotImplemented");
  EXPECT_EQ(s3.error("PUT", "/bucket/k?acl", "<AccessControlPolicy/>"), "NotImplemented");
  EXPECT_EQ(s3.error("PUT", "/bucket/k?acl"), "NotImplemented");
}

TEST(ServiceBucket, Tags) {
  TestService s3;
  s3.put("/bucket");
  const std::string tags =
      "<Tagging><TagSet><Tag><Key>team</Key><Value>a b</Value></Tag></TagSet></Tagging>";
  EXPECT_EQ(s3.put("/bucket?tagging", tags).status, 204);
  EXPECT_EQ(s3.get("/bucket?tagging").text("Value"), "a b");
  EXPECT_EQ(s3.del("/bucket?tagging").status, 204);
  EXPECT_EQ(s3.error("GET", "/bucket?tagging"), "NoSuchTagSet");
  EXPECT_EQ(s3.error("PUT", "/bucket?tagging", "<Tagging>"), "MalformedXML");
  EXPECT_EQ(s3.error("PUT", "/absent?tagging", tags), "NoSuchBucket");
  EXPECT_EQ(s3.error("PUT", "/bucket?tagging", tags, {{"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="}}),
            "BadDigest");
}

TEST(ServiceBucket, ExpectedOwner) {
  TestService s3;
  s3.put("/bucket");
  s3.put("/bucket/k", "x");
  const std::string id = s3.get("/").text("ID");
  const Fields mine = {{"x-amz-expected-bucket-owner", id}};
  const Fields other = {{"x-amz-expected-bucket-owner", "111122223333"}};
  for (const char* target : {"/bucket", "/bucket/k", "/bucket?location", "/bucket?list-type=2"}) {
    EXPECT_EQ(s3.get(target, mine).status, 200) << target;
    EXPECT_EQ(s3.get(target, other).code(), "AccessDenied") << target;
  }
  EXPECT_EQ(s3.put("/bucket/k2", "x", other).code(), "AccessDenied");
  EXPECT_EQ(s3.del("/bucket/k", other).code(), "AccessDenied");
  EXPECT_EQ(s3.get("/bucket/k").status, 200);
}

}  // namespace
}  // namespace atl::s3
