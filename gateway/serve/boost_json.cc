// The one compiled copy of Boost.JSON, which is used as headers only: publish_json reads with it.
#include <boost/json/src.hpp>
