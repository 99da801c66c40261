// no_images.cpp - for programs that load no objective.
#include "shim.h"

const emu_kernel emu_image_kernels[] = {{nullptr, nullptr}};
