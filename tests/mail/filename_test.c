#include "mail/filename.h"

#include <string.h>

#define CD "attachment; "

static const struct {
    const char *raw, *hint, *want;
} rows[] = {
    { CD "filename=a.txt", NULL, "a.txt" },
    { CD "FileName = \"a b.txt\" ; size=3", NULL, "a b.txt" },
    { CD "filename=my file.txt; x=y", NULL, "my file.txt" },
    { CD "filename=\"a\\\"b.txt\"", NULL, "a\"b.txt" },
    { CD "filename=\"C:\\dir\\a.txt\"", NULL, "C:\\dir\\a.txt" },
    { "\"a;filename=no\"; filename=yes", NULL, "yes" },
    { CD "filename=\"open", NULL, "open" },
    { "attachment", NULL, NULL },
    { CD "name=other", NULL, NULL },
    /* The same name in each way it is written. */
    { CD "filename=\"=?UTF-8?B?6KGo57SZLnR4dA==?=\"", NULL, "表紙.txt" },
    { CD "filename==?UTF-8?B?6KGo57SZLnR4dA==?=", NULL, "表紙.txt" },
    { CD "filename*=UTF-8''%E8%A1%A8%E7%B4%99.txt", NULL, "表紙.txt" },
    { CD "filename*=iso-2022-jp'ja'%1B$BI=%3Bf%1B(B.txt", NULL, "表紙.txt" },
    { CD "filename*0*=iso-2022-jp''%1B%24BI;\r\n filename*1*=%3D%3Bf%1B%28B;\r\n filename*2=.txt", NULL,
      "表紙.txt" },
    { CD "filename*0*=UTF-8''%E8%A1; filename*1*=%A8%E7%B4%99.txt", NULL, "表紙.txt" },
    { CD "filename=\"表紙.txt\"", NULL, "表紙.txt" },
    { CD "filename=\"\x95\x5c\x8e\x86.txt\"", NULL, "表紙.txt" },
    { CD "filename=\"\x8e\x86\x95\x5c\"; x=y", "shift_jis", "紙表" },
    { CD "filename=\"\xc9\xbd\xbb\xe6.txt\"", "euc-jp", "表紙.txt" },
    { CD "filename=\"\x1b$BI=;f\x1b(B.txt\"", NULL, "表紙.txt" },
    /* RFC 2231 bent: order, gaps, overlap, duplicates, encoded words in pieces, no charset. */
    { CD "filename*1=b; filename*0=a; filename*2=c", NULL, "abc" },
    { CD "filename*0=a; filename*2=c", NULL, "a" },
    { CD "filename=plain; filename*=utf-8''ext", NULL, "ext" },
    { CD "filename*0=piece; filename*=utf-8''whole; filename=plain", NULL, "whole" },
    { CD "filename*0=piece; filename=plain", NULL, "piece" },
    { CD "filename=a; filename=b", NULL, "a" },
    { CD "filename*0=\"=?utf-8?B?5pel\"; filename*1=\"5pys?=\"", NULL, "日本" },
    { CD "filename*=%E6%97%A5", NULL, "日" },
    { CD "filename*=''a%", NULL, "a%" },
    { CD "filename*99999999999=x; filename=y", NULL, "y" },
    { CD "filename*x=x; filename=y", NULL, "y" },
};

static void
test_field(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = filename_from_field(rows[i].raw, "filename", rows[i].hint);
        if (g_strcmp0(got, rows[i].want) != 0)
            g_error("row %u: %s gives \"%s\", want \"%s\"", i, rows[i].raw, got, rows[i].want);
    }
    g_autofree char *name = filename_from_field(" image/png;\r\n\tname=\"a.png\"", "name", NULL);
    g_assert_cmpstr(name, ==, "a.png");
}

/* A65: 200,000 continuations. */
static void
test_many(void)
{
    g_autoptr(GString) raw = g_string_new("attachment");
    for (guint i = 0; i < 200000; i++)
        g_string_append_printf(raw, "; filename*%u=a", i);
    g_autofree char *got = filename_from_field(raw->str, "filename", NULL);
    g_assert_cmpuint(strlen(got), ==, 100);
    memset(raw->str + 10, '"', raw->len - 10);
    g_autofree char *none = filename_from_field(raw->str, "filename", NULL);
    g_assert_null(none);
}

static const struct {
    const char *name, *want;
} cleaned[] = {
    { "a.txt", "a.txt" },
    { "../../etc/passwd", "______etc_passwd" },
    { "C:\\a\\b.txt", "C:_a_b.txt" },
    { ".bashrc", "_bashrc" },
    { "...", "" },
    { "", "" },
    { "  a.txt\t", "a.txt" },
    { "a\r\nb\x01.txt", "a__b_.txt" },
    { "exe\xe2\x80\xae" "gpj.scr", "exe_gpj.scr" },
    { "\xe2\x81\xa6" "a\xff", "_a\xef\xbf\xbd" },
    { "表紙.txt", "表紙.txt" },
};

static void
test_clean(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cleaned); i++) {
        g_autofree char *got = filename_clean(cleaned[i].name);
        g_assert_cmpstr(got, ==, cleaned[i].want);
    }
}

static void
test_long(void)
{
    g_autoptr(GString) name = g_string_new(NULL);
    for (guint i = 0; i < 1500; i++)
        g_string_append(name, "表");
    g_string_append(name, ".pdf");
    g_autofree char *got = filename_clean(name->str);
    g_assert_cmpuint(strlen(got), <=, 200);
    g_assert_cmpuint(strlen(got), >, 195);
    g_assert_true(g_str_has_suffix(got, "表.pdf"));
    g_assert_true(g_utf8_validate(got, -1, NULL));

    g_string_assign(name, "a.");
    for (guint i = 0; i < 4096; i++)
        g_string_append_c(name, 'b');
    g_autofree char *no_extension = filename_clean(name->str);
    g_assert_cmpuint(strlen(no_extension), ==, 200);
}

static void
test_default(void)
{
    g_autofree char *png = filename_default(1, "image/PNG; x=y");
    g_autofree char *unknown = filename_default(12, "application/x-nobody-knows");
    g_autofree char *none = filename_default(2, NULL);
    g_assert_cmpstr(png, ==, "attachment-1.png");
    g_assert_cmpstr(unknown, ==, "attachment-12");
    g_assert_cmpstr(none, ==, "attachment-2");
}

static void
test_extension(void)
{
    static const char *const names[][3] = {
        { "README", "text/plain; charset=utf-8", "README.txt" },
        { "表", "application/pdf", "表.pdf" },
        { "core", "application/x-nobody-knows", "core.bin" },
        { "core", NULL, "core.bin" },
        { "Version 1. final", "text/plain", "Version 1. final.txt" },
        { "end.", "text/plain", "end..txt" },
        { "a.日本", "text/plain", "a.日本.txt" },
        { "a.12345678901234567", "text/plain", "a.12345678901234567.txt" },
        { "a.1234567890123456", "text/plain", NULL },
        { "a.TXT", "image/png", NULL },
        { "表.pdf", "text/plain", NULL },
        { "a.tar.7z", NULL, NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *got = filename_with_extension(names[i][0], names[i][1]);
        g_assert_cmpstr(got, ==, names[i][2]);
    }
    g_autofree char *stem = g_strnfill(200, 'a');
    g_autofree char *longest = filename_with_extension(stem, "text/plain");
    g_assert_cmpuint(strlen(longest), ==, 200);
    g_assert_true(g_str_has_suffix(longest, "a.txt"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filename/field", test_field);
    g_test_add_func("/filename/many", test_many);
    g_test_add_func("/filename/clean", test_clean);
    g_test_add_func("/filename/long", test_long);
    g_test_add_func("/filename/default", test_default);
    g_test_add_func("/filename/extension", test_extension);
    return g_test_run();
}
