/* bugs.h - something wrong that the emulation must find, and the same made right. */
#ifndef KP_CUDA_EMU_BUGS_H
#define KP_CUDA_EMU_BUGS_H

struct bug {
    const char *name;
    bool (*wrong)(), (*right)();
    const char *message; // NULL: wrong numbers
};

/* dnn_bugs.cpp, dnn_graph_bugs.cpp; one without a name ends them. */
extern const bug dnn_bugs[], dnn_graph_bugs[];

#endif
