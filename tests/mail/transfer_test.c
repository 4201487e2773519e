#include "mail/transfer.h"

#include <string.h>

static const struct {
    Transfer transfer;
    const char *in, *want;
} rows[] = {
    { TRANSFER_IDENTITY, "a\r\n=41 ", "a\r\n=41 " },
    { TRANSFER_BASE64, "", "" },
    { TRANSFER_BASE64, "SGVsbG8=", "Hello" },
    { TRANSFER_BASE64, "SGVs\r\nbG8h\r\n", "Hello!" },
    /* GMime 3.2.13 stops at the first '=' */
    { TRANSFER_BASE64, "Vkk=UlVTISE=", "VIRUS!!" },
    { TRANSFER_BASE64, "Vkk=\r\nUlVT\r\nISE=\r\n", "VIRUS!!" },
    { TRANSFER_BASE64, "VkkKUg==VVMhIQ", "VI\nRUS!!" },
    { TRANSFER_BASE64, "SGVsbG8", "Hello" },      /* no padding */
    { TRANSFER_BASE64, "SGVsbG", "Hell" },        /* cut short */
    { TRANSFER_BASE64, "SGVsb", "Hel" },          /* six bits are no byte */
    { TRANSFER_BASE64, "S*G-V.s b\tG\xff" "8=", "Hello" },
    { TRANSFER_BASE64, "====", "" },
    { TRANSFER_BASE64, "S===SGVsbG8=", "Hello" },
    { TRANSFER_QUOTED_PRINTABLE, "caf=C3=a9 =3D\r\n", "caf\xc3\xa9 =\r\n" },
    { TRANSFER_QUOTED_PRINTABLE, "soft=\r\nbreak=\nand=  \r\nblanks", "softbreakandblanks" },
    { TRANSFER_QUOTED_PRINTABLE, "trailing \t \r\nnext  \nlast  ", "trailing\r\nnext\nlast" },
    { TRANSFER_QUOTED_PRINTABLE, "in  side =20\r\n", "in  side  \r\n" },
    { TRANSFER_QUOTED_PRINTABLE, "a=b =ZZ =4 ==41=", "a=b =ZZ =4 =A" },
    { TRANSFER_QUOTED_PRINTABLE, "a=4", "a=4" },
    { TRANSFER_QUOTED_PRINTABLE, "a = b", "a = b" },
    { TRANSFER_QUOTED_PRINTABLE, "lone\rCR", "lone\rCR" },
    { TRANSFER_QUOTED_PRINTABLE, "\xe3\x81\x82", "\xe3\x81\x82" },
    { TRANSFER_UUENCODE, "begin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n", "Cat" },
    { TRANSFER_UUENCODE, "text before\n\nbegin 644 cat.txt\n#0V%T\n#0V%T\n \nend\n#0V%T\n", "CatCat" },
    { TRANSFER_UUENCODE, "#0V%T\r\n", "" },
    { TRANSFER_UUENCODE, "begin 644 x\n$0V%T\nend\n", "Cat" }, /* shorter than it says */
};

static void
push_in_steps(Transfer transfer, const char *in, size_t step, GString *out)
{
    TransferDecoder decoder;
    size_t n = strlen(in);

    transfer_init(&decoder, transfer);
    for (size_t at = 0; at < n; at += step) {
        size_t some = MIN(step, n - at);
        g_autofree char *room = g_malloc(transfer_room(some));
        g_string_append_len(out, room, (gssize)transfer_push(&decoder, in + at, some, room));
    }
    g_autofree char *room = g_malloc(transfer_room(0));
    g_string_append_len(out, room, (gssize)transfer_finish(&decoder, room));
}

static void
test_decode(void)
{
    static const size_t steps[] = { 1000, 1, 3, 7 };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        for (guint j = 0; j < G_N_ELEMENTS(steps); j++) {
            g_autoptr(GString) out = g_string_new(NULL);

            push_in_steps(rows[i].transfer, rows[i].in, steps[j], out);
            g_assert_cmpstr(out->str, ==, rows[i].want);
        }
}

/* Long runs of blanks are longer than what is held back. */
static void
test_blanks(void)
{
    g_autofree char *blanks = g_strnfill(5000, ' ');
    g_autofree char *kept = g_strconcat("a", blanks, "b", NULL);
    g_autoptr(GString) out = g_string_new(NULL);

    push_in_steps(TRANSFER_QUOTED_PRINTABLE, kept, 64, out);
    g_assert_cmpstr(out->str, ==, kept);
}

/* What base64 encoders write comes back, whatever the split. */
static void
test_round_trip(void)
{
    for (guint n = 0; n < 400; n++) {
        g_autofree guchar *data = g_malloc(n + 1);
        g_autoptr(GString) out = g_string_new(NULL);

        for (guint i = 0; i < n; i++)
            data[i] = (guchar)g_test_rand_int();
        g_autofree char *text = g_base64_encode(data, n);
        push_in_steps(TRANSFER_BASE64, text, 1 + (size_t)g_test_rand_int_range(0, 9), out);
        g_assert_cmpmem(out->str, out->len, data, n);
    }
}

/* Any bytes, room kept: the sanitizers watch. */
static void
test_noise(void)
{
    for (guint round = 0; round < 2000; round++) {
        g_autoptr(GString) noise = g_string_new(round % 2 ? "begin 6\n" : "");
        g_autoptr(GString) whole = g_string_new(NULL);
        g_autoptr(GString) split = g_string_new(NULL);

        for (guint i = 0; i < 60; i++)
            g_string_append_c(noise, "= \r\n\tAz09+/`!#-a"[g_test_rand_int_range(0, 16)]);
        for (Transfer transfer = TRANSFER_IDENTITY; transfer <= TRANSFER_UUENCODE; transfer++) {
            push_in_steps(transfer, noise->str, 1000, whole);
            push_in_steps(transfer, noise->str, 5, split);
            g_assert_cmpstr(whole->str, ==, split->str);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/transfer/decode", test_decode);
    g_test_add_func("/transfer/blanks", test_blanks);
    g_test_add_func("/transfer/round-trip", test_round_trip);
    g_test_add_func("/transfer/noise", test_noise);
    return g_test_run();
}
