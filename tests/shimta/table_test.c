/* How rows are shown: widths, CSV, tables and records, with what hostile answers hold. */
#include "shimta/csv.h"
#include "shimta/sheet.h"
#include "shimta/table.h"

#include <string.h>

static void
test_widths(void)
{
    static const struct {
        const char *text;
        guint width;
    } rows[] = {
        { "", 0 },           { "abc", 3 },       { "配信完了", 8 },    { "配信完了(公開)", 14 },
        { "ｱｲｳ", 3 },        { "Ａ", 2 },        { "ä", 1 },         { "a\xcc\x88", 1 },
        { "か\xe3\x82\x99", 2 }, { "📧", 2 },       { "한국어", 6 },    { "　", 2 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) line = g_string_new(NULL);
        g_test_message("%s", rows[i].text);
        g_assert_cmpuint(table_width(rows[i].text), ==, rows[i].width);
        table_cell(line, rows[i].text, 20);
        g_assert_cmpuint(table_width(line->str), ==, 20);
    }
}

static void
test_csv(void)
{
    static const struct {
        const char *text, *value;
    } rows[] = {
        { "", "" },           { "a b", "a b" },           { "a,b", "\"a,b\"" },        { "say \"no\"", "\"say \"\"no\"\"\"" },
        { "a\nb", "\"a\nb\"" }, { "a\r", "\"a\r\"" },       { " a", "\" a\"" },          { "配信完了", "配信完了" },
        { "\"", "\"\"\"\"" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) line = g_string_new(NULL);
        csv_value(line, rows[i].text);
        g_assert_cmpstr(line->str, ==, rows[i].value);
    }
}

/* "name=value|name=value" */
static void
add(Sheet *sheet, const char *text)
{
    g_autoptr(QueryRow) row = query_row_new();
    g_auto(GStrv) pairs = g_strsplit(text, "|", -1);

    for (guint i = 0; pairs[i]; i++) {
        char *value = strchr(pairs[i], '=');
        *value = '\0';
        query_row_add(row, pairs[i], value + 1);
    }
    g_assert_true(sheet_add(sheet, row, NULL));
}

static char *
print(Sheet *sheet, SheetForm form)
{
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);
    bool ok = sheet_print(sheet, form, to, NULL);

    g_assert_true(ok);
    fclose(to);
    return text;
}

static const char *const first[] = { "address", "status", "reason", NULL };

static void
check(const char *const *rows, SheetForm form, const char *expected)
{
    g_autoptr(Sheet) sheet = sheet_new(first, 16); /* so that most is in the file */

    for (guint i = 0; rows[i]; i++)
        add(sheet, rows[i]);
    g_autofree char *text = print(sheet, form);
    g_assert_cmpstr(text, ==, expected);
}

static void
test_forms(void)
{
    static const char *const rows[] = { "status=ok|address=yamada@example.jp", "address=山田@例え.jp|note=a,b|status=配信完了",
                                        "note=x|note=y", NULL };
    static const char *const none[] = { NULL };

    check(rows, SHEET_TABLE,
          "address            status    note\n"
          "yamada@example.jp  ok\n"
          "山田@例え.jp       配信完了  a,b\n"
          "                             x; y\n");
    check(rows, SHEET_CSV,
          "address,status,reason,note\n"
          "yamada@example.jp,ok,,\n"
          "山田@例え.jp,配信完了,,\"a,b\"\n"
          ",,,x; y\n");
    check(rows, SHEET_RECORDS,
          "address  yamada@example.jp\n"
          "status   ok\n"
          "\n"
          "address  山田@例え.jp\n"
          "status   配信完了\n"
          "note     a,b\n"
          "\n"
          "note     x; y\n");
    check(none, SHEET_TABLE, "");
    check(none, SHEET_CSV, "address,status,reason\n");
    check(none, SHEET_RECORDS, "");
}

/* What could move a cursor, turn text around or begin a line is shown, not done. */
static void
test_hostile(void)
{
    static const char *const rows[] = { "address=\033]0;x\007|\033[2J=v|status=a\nb", NULL };

    check(rows, SHEET_TABLE,
          "address           status    \\u001b[2J\n"
          "\\u001b]0;x\\u0007  a\\u000ab  v\n");
    check(rows, SHEET_RECORDS,
          "address    \\u001b]0;x\\u0007\n"
          "status     a\n"
          "           b\n"
          "\\u001b[2J  v\n");
}

static void
test_width(void)
{
    g_autoptr(Sheet) sheet = sheet_new(first, 1024);

    g_assert_cmpuint(sheet_width(sheet), ==, 0);
    add(sheet, "status=配信完了");
    g_assert_cmpuint(sheet_width(sheet), ==, 8);
    add(sheet, "address=a|x=y");
    g_assert_cmpuint(sheet_width(sheet), ==, 7 + 2 + 8 + 2 + 1);
}

/* Columns that never end do not take all memory, and nothing is dropped. */
static void
test_many_columns(void)
{
    g_autoptr(Sheet) sheet = sheet_new(first, 1024);

    for (guint i = 0; i < 1000; i++) {
        g_autofree char *text = g_strdup_printf("n%u=v%u", i, i);
        add(sheet, text);
    }
    g_autofree char *text = print(sheet, SHEET_CSV);
    g_assert_nonnull(strstr(text, "n999=v999\n"));
    g_assert_nonnull(strstr(text, ",more\n"));
    g_assert_nonnull(strstr(text, "v100,"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/table/widths", test_widths);
    g_test_add_func("/table/csv", test_csv);
    g_test_add_func("/table/forms", test_forms);
    g_test_add_func("/table/hostile", test_hostile);
    g_test_add_func("/table/width", test_width);
    g_test_add_func("/table/many-columns", test_many_columns);
    return g_test_run();
}
