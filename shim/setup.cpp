#include "shim/shim.h"
