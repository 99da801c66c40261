#!/bin/sh
# arrows.sh - includes point down only: which room may include which, from the source's folder.
#
# A room may include itself and whatever its arrows reach. Everyone may include kappa/*.h; plugins
# include nothing else, backends only the device's interface, kernels and base.
set -eu
cd "${1:-$(dirname "$0")/../..}"

find core plugins models objectives metrics -name '*.[ch]' -o -name '*.cc' -o -name '*.inl' \
    -o -name '*.cu' -o -name '*.cuh' |
    LC_ALL=C sort |
    xargs grep -nH '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' | awk '
function arrow(from, to,    i, n, names) {
    n = split(to, names, " ")
    for (i = 1; i <= n; i++)
        reach[from, names[i]] = 1
}
BEGIN {
    names = "app study report conform analyse train store tensor text data config host device"
    names = names " kernels base"
    rooms = split(names, room, " ")
    arrow("app", "study report conform text")
    arrow("study", "analyse train config")
    arrow("analyse", "train store data tensor")
    arrow("report", "store")
    arrow("conform", "tensor host")
    arrow("train", "store data tensor")
    arrow("config", "host")
    arrow("tensor", "device")
    arrow("data", "device")
    arrow("text", "data")
    arrow("device", "kernels")
    for (i = 1; i <= rooms; i++) {
        known[room[i]] = 1
        reach[room[i], "base"] = 1
    }
    for (k = 1; k <= rooms; k++)
        for (i = 1; i <= rooms; i++)
            for (j = 1; j <= rooms; j++)
                if (reach[room[i], room[k]] && reach[room[k], room[j]])
                    reach[room[i], room[j]] = 1
    owner["sqlite3.h"] = "core/store/ core/app/" # app: versions for doctor
    owner["ini.h"] = "core/config/ core/app/"
    owner["dnnl"] = "core/device/cpu/ core/app/"
    owner["cuda_runtime_api.h"] = owner["cuda_runtime.h"] = "core/device/cuda/"
    owner["cublas_v2.h"] = "core/device/cuda/"
    owner["cblas.h"] = "core/device/cpu/ core/analyse/"
    owner["sentencepiece"] = "core/text/sentencepiece.cc"
    owner["lbfgs.h"] = "core/analyse/"
    owner["jpeglib.h"] = owner["jerror.h"] = owner["png.h"] = owner["zip.h"] = "core/data/"
}
function wrong(why) {
    printf "%s:%s: #include %s: %s\n", file, line, shown, why
    found++
}
{
    split($0, part, ":")
    file = part[1]
    line = part[2]
    match($0, /[<"][^>"]*[>"]/)
    shown = substr($0, RSTART, RLENGTH)
    name = substr(shown, 2, length(shown) - 2)
    count++

    if (substr(shown, 1, 1) == "<") {
        key = name ~ /^dnnl/ ? "dnnl" : name ~ /^sentencepiece/ ? "sentencepiece" : name
        if (key in owner) {
            fine = 0
            n = split(owner[key], place, " ")
            for (i = 1; i <= n; i++)
                if (index(file, place[i]) == 1)
                    fine = 1
            if (!fine)
                wrong("only " owner[key] "may")
        }
        next
    }
    if (name ~ /\.\./) {
        wrong("write it from core/ or plugins/")
        next
    }
    if (name ~ /^kappa\//)
        next
    # the test of a template includes the plugin itself, beside it
    if (file ~ /^plugins\/template\/.*\/test_my_/ && name ~ /^my_[a-z]*\.c$/)
        next
    if (file ~ /^(models|objectives|metrics|plugins\/include|plugins\/template)\//) {
        wrong("a plugin sees kappa/*.h only")
        next
    }
    split(file, folder, "/")
    from = folder[2]
    split(name, target, "/")
    to = target[1]
    if (name !~ /\//) {
        wrong("write it from core/ or plugins/")
        next
    }
    if (!(to in known)) {
        wrong("no such room")
        next
    }
    if (file ~ /^core\/device\/[^\/]*\//) {
        own = "device/" folder[3] "/"
        if (index(name, own) != 1 && name !~ /^device\/[^\/]*$/ && to != "kernels" && to != "base")
            wrong("a backend sees the device interface, kernels and base only")
    } else if (from == "device") {
        if (name ~ /^device\/[^\/]*\// && file != "core/device/device.c")
            wrong("only core/device/device.c names the backends")
        else if (to != "device" && !reach["device", to])
            wrong("no arrow from device to " to)
    } else if (name ~ /^device\/[^\/]*\//)
        wrong("only core/device/device.c names the backends")
    else if (to != from && !reach[from, to])
        wrong("no arrow from " from " to " to)
}
END {
    if (count == 0) {
        print "arrows.sh: no include found: wrong folder?"
        exit 1
    }
    if (found > 0) {
        print found " of " count " includes point up"
        exit 1
    }
}'
