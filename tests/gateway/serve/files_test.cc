#include "gateway/serve/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <doctest/doctest.h>

using namespace sluice;
using proto::find_field;
using serve::Answer;
using serve::Files;
namespace fs = std::filesystem;

namespace {

// A directory that exists as long as the test.
class Directory {
 public:
  Directory() {
    std::string name = (fs::temp_directory_path() / "files_test_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~Directory() { fs::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

proto::Request get(std::string path, std::string if_none_match = "") {
  proto::Request request{.method = "GET", .path = std::move(path)};
  if (!if_none_match.empty()) request.fields.push_back({"if-none-match", std::move(if_none_match)});
  return request;
}

}  // namespace

TEST_CASE("the live page is inside the binary and may load nothing from elsewhere") {
  const Files files("embedded:");
  const Answer page = files.answer(get("/"), "");
  CHECK(page.head.status == 200);
  CHECK(find_field(page.head.fields, "content-type") == "text/html; charset=utf-8");
  CHECK(find_field(page.head.fields, "content-security-policy").starts_with("default-src 'self'"));
  CHECK(page.bytes.find("<!doctype html>") == 0);
  CHECK(page.bytes.find("http://") == std::string_view::npos);
  CHECK(page.bytes.find("https://") == std::string_view::npos);
  CHECK(page.bytes.find("style=") == std::string_view::npos);
  // Every part that it names is there.
  for (const char* part : {"page.css", "page.js", "mark.svg"}) {
    CAPTURE(std::string(part));
    CHECK(page.bytes.find(part) != std::string_view::npos);
    CHECK(files.answer(get("/"), part).head.status == 200);
  }
  for (const char* none : {"other.html", "page.css/", "..", "../page.css", ".page.css"})
    CHECK(files.answer(get("/"), none).head.status == 404);
}

TEST_CASE("a client that has the file is told so") {
  const Files files("embedded:");
  const Answer first = files.answer(get("/page.css"), "page.css");
  const std::string etag(find_field(first.head.fields, "etag"));
  for (const std::string& known : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")}) {
    const Answer again = files.answer(get("/page.css", known), "page.css");
    CHECK(again.head.status == 304);
    CHECK(again.bytes.empty());
    CHECK(find_field(again.head.fields, "etag") == etag);
  }
  CHECK(files.answer(get("/page.css", "\"x\""), "page.css").head.status == 200);
}

TEST_CASE("HEAD has the fields of GET and no bytes") {
  const Files files("embedded:");
  proto::Request head = get("/page.js");
  const Answer whole = files.answer(head, "page.js");
  head.method = "HEAD";
  const Answer answer = files.answer(head, "page.js");
  CHECK(answer.head.fields == whole.head.fields);
  CHECK(answer.bytes.empty());
  CHECK(find_field(answer.head.fields, "content-length") == std::to_string(whole.bytes.size()));
}

TEST_CASE("a directory's files are served, and nothing outside it") {
  const Directory outside, inside;
  outside.write("secret.txt", "secret");
  inside.write("index.html", "<p>hello");
  inside.write("docs/index.html", "<p>docs");
  inside.write("docs/data.json", "{}");
  inside.write(".env", "TOKEN=1");
  inside.write(".git/config", "x");
  fs::create_symlink(outside.path() / "secret.txt", inside.path() / "leak.txt");
  fs::create_directory_symlink(outside.path(), inside.path() / "leak");
  fs::create_symlink("docs/data.json", inside.path() / "alias.json");
  REQUIRE(::mkfifo((inside.path() / "pipe").c_str(), 0600) == 0);
  const Files files(inside.path());

  const auto answer = [&](std::string_view file) { return files.answer(get("/" + std::string(file)), file); };
  CHECK(answer("").bytes == "<p>hello");
  CHECK(answer("docs/").bytes == "<p>docs");
  CHECK(answer("docs/data.json").bytes == "{}");
  CHECK(find_field(answer("docs/data.json").head.fields, "content-type") == "application/json");
  CHECK(answer("alias.json").bytes == "{}");
  CHECK(answer("docs").head.status == 301);
  CHECK(find_field(answer("docs").head.fields, "location") == "/docs/");
  for (const char* none : {"nothing", "leak.txt", "leak/secret.txt", "leak/", ".env", ".git/config", "..", "../",
                           "docs/../index.html", "docs/./data.json", "index.html/", "pipe", "/etc/passwd"}) {
    CAPTURE(std::string(none));
    CHECK(answer(none).head.status == 404);
  }
}

TEST_CASE("a file that changes gets another etag") {
  const Directory directory;
  directory.write("a.txt", "one");
  const Files files(directory.path());
  const std::string before(find_field(files.answer(get("/a.txt"), "a.txt").head.fields, "etag"));
  directory.write("a.txt", "three");
  const Answer after = files.answer(get("/a.txt", before), "a.txt");
  CHECK(after.head.status == 200);
  CHECK(after.bytes == "three");
}

TEST_CASE("a directory that is not there stops the start with its name") {
  CHECK_THROWS_WITH_AS(Files("/nonexistent/public"), doctest::Contains("/nonexistent/public"), std::runtime_error);
}

TEST_CASE("a file's type is known by its ending") {
  CHECK(serve::content_type_of("a/b.html") == "text/html; charset=utf-8");
  CHECK(serve::content_type_of("app.min.js") == "text/javascript; charset=utf-8");
  CHECK(serve::content_type_of("archive") == "application/octet-stream");
}
