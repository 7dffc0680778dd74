// The one compiled copy of Boost.JSON, which is used as headers only: publish bodies and the sources' payloads are read
// with it.
#include <boost/json/src.hpp>
