// images.cpp - the row functions of objectives and of operation cases as kernels of the emulation.
#include "shim.h"

#include "kappa/plugin.h"

namespace kd_file
{
#include "objectives/kd.c"
}
namespace l2_file
{
#include "objectives/l2.c"
}
namespace ls_file
{
#include "objectives/ls.c"
}
namespace lt_file
{
#include "objectives/lt.c"
}
namespace case_file
{
#include "tests/op/row_losses.h"
}

using case_file::added_cuda;
using case_file::written_cuda;
using kd_file::kd_row_cuda;
using l2_file::l2_row_cuda;
using ls_file::ls_row_cuda;
using lt_file::lt_row_cuda;

const emu_kernel emu_image_kernels[] = {
    EMU_KERNEL(kd_row_cuda), EMU_KERNEL(l2_row_cuda), EMU_KERNEL(ls_row_cuda),
    EMU_KERNEL(lt_row_cuda), EMU_KERNEL(added_cuda),  EMU_KERNEL(written_cuda),
    {nullptr, nullptr},
};
