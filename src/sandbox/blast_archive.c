#include "sandbox/blast_archive.h"

enum { JAPAN_S = 9 * 3600 };

/* A delivery as it is built in. */
typedef struct {
    int days_ago;
    const char *clock;
    BlastMessage message;       /* without its date */
} BuiltIn;

struct BlastArchive {
    GPtrArray *left;            /* of BlastMessage */
};

/* Names and texts hold what only Windows-31J has, and what CSV and XML must quote. */
static const BlastCopy members[] = {
    { "takahashi@example.jp", "髙橋 一郎", NULL, 2 },
    { "suzuki@example.jp", "鈴木, 花子", NULL, 0 },
    { "mailbox-full-sato@example.jp", "佐藤 \"はな\"", "452 4.2.2 Mailbox full", 0 },
    { "bounce-yamazaki@example.jp", "山﨑 ①", "550 5.1.1 User unknown", 0 },
    { "tanaka..@docomo.example.jp", "田中 ソ能表", NULL, 1 },
};
static const BlastCopy shops[] = {
    { "ginza@example.com", "㈱銀座", NULL, 1 },
    { "bounce-umeda@example.com", "㈲梅田", "550 5.1.2 Host unknown", 0 },
};

#define COPIES(list) list, G_N_ELEMENTS(list)

static const BuiltIn built_in[] = {
    { 0, "00:00:00", { 505, 2, 12, "", "棚卸しのお知らせ", "店舗", "配信エラー",
      "各店舗 御中\r\n", "", false, shops + 1, 1 } },
    { 1, "23:59:59", { 504, 1, 11, "", "【会員様限定】春のセール①", "会員", "配信完了(公開)",
      "本文です。〜&<>]]>\r\n", "<p>本文です。</p><![CDATA[x]]>", true, COPIES(members) } },
    { 7, "08:00:00", { 503, 1, 11, "", "髙島さんからのご挨拶", "会員", "配信完了",
      "", "<p>こんにちは</p>", false, COPIES(members) } },
    { 14, "09:30:00", { 502, 2, 12, "", "A, B & C <三月>", "店舗", "配信完了",
      "T\r\n", "", false, COPIES(shops) } },
    { 60, "15:00:00", { 501, 1, 11, "", "良いお年を", "会員", "配信エラー（公開）",
      "来年もよろしく。\r\n", "", true, members + 2, 2 } },
};

BlastArchive *
blast_archive_new(void)
{
    BlastArchive *self = g_new0(BlastArchive, 1);

    self->left = g_ptr_array_new_with_free_func(g_free);
    for (gsize i = 0; i < G_N_ELEMENTS(built_in); i++)
        g_ptr_array_add(self->left, g_memdup2(&built_in[i].message, sizeof built_in[i].message));
    return self;
}

static const BuiltIn *
origin_of(const BlastMessage *message)
{
    for (gsize i = 0; i < G_N_ELEMENTS(built_in); i++) {
        if (built_in[i].message.id == message->id)
            return &built_in[i];
    }
    g_assert_not_reached();
}

/* As many days ago as always, so that a search for today finds something whenever it is made. */
static void
set_dates(BlastArchive *self)
{
    g_autoptr(GTimeZone) japan = g_time_zone_new_offset(JAPAN_S);
    g_autoptr(GDateTime) now = g_date_time_new_now(japan);

    for (guint i = 0; i < self->left->len; i++) {
        BlastMessage *message = self->left->pdata[i];
        const BuiltIn *origin = origin_of(message);
        g_autoptr(GDateTime) day = g_date_time_add_days(now, -origin->days_ago);
        g_autofree char *date = g_date_time_format(day, "%Y%m%d");
        g_snprintf(message->date, sizeof message->date, "%sT%s", date, origin->clock);
    }
}

void
blast_archive_free(BlastArchive *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->left);
    g_free(self);
}

const GPtrArray *
blast_archive_all(BlastArchive *self)
{
    set_dates(self);
    return self->left;
}

const BlastMessage *
blast_archive_find(BlastArchive *self, guint64 id)
{
    set_dates(self);
    for (guint i = 0; i < self->left->len; i++) {
        const BlastMessage *message = self->left->pdata[i];
        if (message->id == id)
            return message;
    }
    return NULL;
}

bool
blast_archive_delete(BlastArchive *self, guint64 id)
{
    const BlastMessage *message = blast_archive_find(self, id);

    return message && g_ptr_array_remove(self->left, (gpointer) message);
}

unsigned
blast_message_failures(const BlastMessage *message)
{
    unsigned n = 0;

    for (unsigned i = 0; i < message->copy_count; i++)
        n += message->copies[i].failure != NULL;
    return n;
}
