/* Runs a fuzz target over the files of its corpora, without libFuzzer, so that each crash once found stays
 * found in `make check`. CORPORA names folders below the source tree, separated by blanks. TAP. */
#include <glib.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t n);

static guint
replay_folder(const char *path, guint count)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) folder = g_dir_open(path, 0, &error);

    g_assert_no_error(error);
    for (const char *name; (name = g_dir_read_name(folder));) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_autofree char *bytes = NULL;
        gsize n;
        if (!g_file_get_contents(file, &bytes, &n, NULL))
            continue;
        g_print("# %s\n", name);
        LLVMFuzzerTestOneInput((guint8 *)bytes, n);
        g_print("ok %u - %s\n", ++count, name);
    }
    return count;
}

int
main(void)
{
    const char *top = g_getenv("TOP_SRCDIR");
    g_auto(GStrv) folders = g_strsplit(CORPORA, " ", -1);
    guint count = 0;

    for (char **folder = folders; *folder; folder++) {
        g_autofree char *path = g_build_filename(top ? top : ".", *folder, NULL);
        count = replay_folder(path, count);
    }
    g_print("1..%u\n", count);
    return count ? 0 : 1;
}
