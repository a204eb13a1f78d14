#pragma once

#include <string>
#include <string_view>

namespace ckpt {

// Text as it stands inside an XML element or attribute. XML 1.0 has no way to write most control
// characters; escape() makes them visible first.
std::string xml(std::string_view text);

}  // namespace ckpt
