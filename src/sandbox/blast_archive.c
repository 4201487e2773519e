#include "sandbox/blast_archive.h"

struct BlastArchive {
    GPtrArray *left;            /* of const BlastMessage, static */
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

static const BlastMessage built_in[] = {
    { 505, 2, 12, "20250301T10:00:00", "棚卸しのお知らせ", "店舗", "配信エラー",
      "各店舗 御中\r\n", "", false, shops + 1, 1 },
    { 504, 1, 11, "20250228T23:59:59", "【会員様限定】春のセール①", "会員", "配信完了(公開)",
      "本文です。〜&<>]]>\r\n", "<p>本文です。</p><![CDATA[x]]>", true, COPIES(members) },
    { 503, 1, 11, "20250214T08:00:00", "髙島さんからのご挨拶", "会員", "配信完了",
      "", "<p>こんにちは</p>", false, COPIES(members) },
    { 502, 2, 12, "20250207T09:30:00", "A, B & C <三月>", "店舗", "配信完了",
      "T\r\n", "", false, COPIES(shops) },
    { 501, 1, 11, "20241231T15:00:00", "良いお年を", "会員", "配信エラー（公開）",
      "来年もよろしく。\r\n", "", true, members + 2, 2 },
};

BlastArchive *
blast_archive_new(void)
{
    BlastArchive *self = g_new0(BlastArchive, 1);

    self->left = g_ptr_array_new();
    for (gsize i = 0; i < G_N_ELEMENTS(built_in); i++)
        g_ptr_array_add(self->left, (gpointer) &built_in[i]);
    return self;
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
blast_archive_all(const BlastArchive *self)
{
    return self->left;
}

const BlastMessage *
blast_archive_find(const BlastArchive *self, guint64 id)
{
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
