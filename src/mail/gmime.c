#include "mail/gmime.h"

/* GMime does not free a registration that is replaced: 64 bytes, once, that leak checkers shall not report.
  */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void
gmime_init(void)
{
    static const char *const forwarded[] = { "rfc822", "rfc2822", "global", "news" };

    if (__lsan_disable)
        __lsan_disable();
    g_mime_init();
    if (__lsan_enable)
        __lsan_enable();
    for (guint i = 0; i < G_N_ELEMENTS(forwarded); i++)
        g_mime_object_register_type("message", forwarded[i], GMIME_TYPE_PART);
}

void
gmime_ready(void)
{
    static gsize once;

    if (g_once_init_enter(&once)) {
        gmime_init();
        g_once_init_leave(&once, 1);
    }
}
