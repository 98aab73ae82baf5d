/* Runs a fuzz target over the files of folders, without libFuzzer and by any compiler: replay-NAME FOLDER…
 * (tests/coverage.sh). */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static int replay_file(const char *folder, const char *name)
{
    autofree char *path = file_join(folder, name);
    autobuffer content = {0};
    int r = path ? file_read(path, INPUT_MAX, &content, NULL) : -1;
    if (r) {
        fprintf(stderr, "%s/%s: cannot be read\n", folder, name);
        return r;
    }
    return LLVMFuzzerTestOneInput((const uint8_t *)content.data, content.length);
}

static int replay_folder(const char *folder, size_t *n)
{
    DIR *dir = opendir(folder);
    int r = dir ? 0 : -1;
    for (struct dirent *entry; r == 0 && (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            r = replay_file(folder, entry->d_name);
            ++*n;
        }
    if (!dir || closedir(dir) != 0) {
        perror(folder);
        return -1;
    }
    return r;
}

int main(int argc, char **argv)
{
    size_t n = 0;
    for (int i = 1; i < argc; i++)
        if (replay_folder(argv[i], &n) != 0)
            return 1;
    printf("%zu inputs\n", n);
    return n == 0;
}
