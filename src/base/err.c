#include "base/err.h"
int x_base_placeholder;
