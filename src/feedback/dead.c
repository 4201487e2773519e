#include "feedback/dead.h"

#include "feedback/target.h"

static bool
has_room(const char *path)
{
    g_autofree char *new = g_build_filename(path, "new", NULL);
    g_autoptr(GDir) dir = g_dir_open(new, 0, NULL);
    guint n = 0;

    while (dir && n < DEAD_MAX && g_dir_read_name(dir))
        n++;
    return n < DEAD_MAX;
}

char *
dead_keep(const char *folder, const char *id, const GString *bytes, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "dead", NULL);
    const FeedbackConf to = { .target = FEEDBACK_TO_MAILDIR, .target_value = path };
    const TargetMail mail = { id, "", bytes->str, bytes->len, 0, NULL };

    if (!has_room(path)) {
        g_set_error(error, G_FILE_ERROR, (gint) G_FILE_ERROR_NOSPC, "'%s' is full", path);
        return NULL;
    }
    return target_deliver(&to, &mail, error) ? g_strdup_printf("%s/new/%s.shimta", path, id) : NULL;
}
