#include "feedback_site.h"

#include <glib/gstdio.h>

static void
open_store(Site *self)
{
    g_autoptr(GError) error = NULL;

    self->store = feedback_store_open(self->folder, &error);
    g_assert_no_error(error);
}

void
site_open(Site *self, gconstpointer data)
{
    self->folder = g_dir_make_tmp("shimta-feedback-XXXXXX", NULL);
    open_store(self);
    if (data)
        site_begin(self);
}

void
site_close(Site *self, gconstpointer data)
{
    static const char *const ends[] = { "", "-wal", "-shm", ".old" };

    feedback_store_close(self->store);
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *path = g_strdup_printf("%s/feedback.db%s", self->folder, ends[i]);
        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(self->folder), ==, 0);
    g_free(self->folder);
}

void
site_reopen(Site *self)
{
    feedback_store_close(self->store);
    open_store(self);
}

void
site_begin(const Site *self)
{
    g_autoptr(GError) error = NULL;

    feedback_store_begin(self->store, &error);
    g_assert_no_error(error);
}

void
site_commit(const Site *self)
{
    g_autoptr(GError) error = NULL;

    feedback_store_commit(self->store, &error);
    g_assert_no_error(error);
}
