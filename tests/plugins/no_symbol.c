/* no_symbol.c - a shared object that is no plugin. */
#include "kappa/abi.h"

extern KP_EXPORT const int something_else;
const int something_else = 1;
