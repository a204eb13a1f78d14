#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

TEST_SUITE("tools/startup") {
  TEST_CASE("the command does not link with libhdf5: loading that takes longer than a listing") {
    std::ifstream file(CKPT_TOOL, std::ios::binary);
    const std::string program{std::istreambuf_iterator<char>(file), {}};
    CHECK(program.find("libc.so.6") != std::string::npos);  // so linked libraries are seen here
    CHECK(program.find("libhdf5_serial.so") == program.npos);
    CHECK(program.find("libhdf5.so") == program.npos);
  }
}
