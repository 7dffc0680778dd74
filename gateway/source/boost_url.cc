// The one compiled copy of Boost.URL, which is used as headers only: the adapters read their URLs with it.
#include <boost/url/src.hpp>
