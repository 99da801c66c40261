/* driver.c - a stand-in for NVIDIA's driver, libcuda.so.1, for machines without one.
 *
 * cuDNN compiles kernels for attention while it makes a plan and has the driver load them. Here
 * loading succeeds and loads nothing, and every other call answers that there is no device. Only
 * the test that makes plans finds this library. The calls are declared here, not by cuda.h: what an
 * absent one is given nobody looks at. */

enum { SUCCESS = 0, NO_DEVICE = 100 }; /* of CUresult */

#define EXPORT __attribute__((visibility("default")))
#define ABSENT(NAME)       \
    EXPORT int NAME(void); \
    EXPORT int NAME(void)  \
    {                      \
        return NO_DEVICE;  \
    }

/* What cuDNN looks for. */
ABSENT(cuCtxGetCurrent)
ABSENT(cuCtxGetLimit)
ABSENT(cuCtxPopCurrent)
ABSENT(cuCtxPushCurrent)
ABSENT(cuDeviceGet)
ABSENT(cuDeviceGetCount)
ABSENT(cuDriverGetVersion)
ABSENT(cuGetErrorName)
ABSENT(cuKernelGetAttribute)
ABSENT(cuKernelSetAttribute)
ABSENT(cuLaunchCooperativeKernel)
ABSENT(cuLaunchKernel)
ABSENT(cuLaunchKernelEx)
ABSENT(cuLibraryLoadFromFile)
ABSENT(cuLibraryUnload)
ABSENT(cuLinkAddData)
ABSENT(cuLinkComplete)
ABSENT(cuLinkCreate)
ABSENT(cuLinkDestroy)
ABSENT(cuOccupancyMaxPotentialClusterSize)
ABSENT(cuStreamGetCtx)

/* What handles point to. */
static char nothing;

EXPORT int cuLibraryLoadData(void **library);
EXPORT int cuLibraryLoadData(void **library)
{
    *library = &nothing;
    return SUCCESS;
}

EXPORT int cuLibraryGetKernel(void **kernel);
EXPORT int cuLibraryGetKernel(void **kernel)
{
    *kernel = &nothing;
    return SUCCESS;
}

EXPORT int cuGetErrorString(int error, const char **text);
EXPORT int cuGetErrorString(int error, const char **text)
{
    *text = error == SUCCESS ? "no error" : "there is no device";
    return SUCCESS;
}
