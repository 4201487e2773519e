/* Fuzzes what shows rows: lines of "name=value" are fields, empty lines part the rows. Whatever an API says, a table
 * moves no cursor, a DNS record stays one record, and a period has a length. */
#include "shimta/dates.h"
#include "shimta/dns_record.h"
#include "shimta/sheet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t n);

#define MUST(x)      \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

#define NOW G_GINT64_CONSTANT(1795000000000)

static const char *const first[] = { "address", "status", NULL };

static void
check_output(Sheet *sheet, SheetForm form, guint rows)
{
    char *text = NULL;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    guint lines = 0;

    MUST(sheet_print(sheet, form, to, NULL));
    fclose(to);
    MUST(g_utf8_validate(text, (gssize) length, NULL));
    for (size_t i = 0; i < length; i++) {
        lines += text[i] == '\n';
        MUST(form == SHEET_CSV || text[i] == '\n' || !g_ascii_iscntrl(text[i]));
    }
    MUST(form != SHEET_TABLE || lines == (rows > 0 ? rows + 1 : 0));
    MUST(form != SHEET_CSV || lines > rows);
    free(text);
}

static void
check_record(const QueryRow *row)
{
    g_autofree char *record = dns_record(row, "example.net", "s1");

    if (!record)
        return;
    for (const char *p = record; *p; p++)
        MUST(g_ascii_isprint(*p));
    MUST(strstr(record, "._domainkey.") && strstr(record, ". IN TXT ( \"") && g_str_has_suffix(record, "\" )"));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t n)
{
    g_autofree char *text = g_utf8_make_valid((const char *) data, (gssize) n);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(Sheet) sheet = sheet_new(first, 64);
    g_autoptr(QueryRow) row = query_row_new();
    guint rows = 0;
    Period period;

    for (guint i = 0; lines[i]; i++) {
        char *value = strchr(lines[i], '=');
        if (value) {
            *value = '\0';
            g_autofree char *unescaped = g_strcompress(value + 1);
            g_autofree char *valid = g_utf8_make_valid(unescaped, -1);
            query_row_add(row, lines[i], valid);
            MUST(!dates_period(valid, NOW, &period) || period.since_ms < period.until_ms);
            MUST(!dates_month(valid, NOW, &period) || period.since_ms < period.until_ms);
            continue;
        }
        MUST(sheet_add(sheet, row, NULL));
        check_record(row);
        rows++;
        query_row_free(row);
        row = query_row_new();
    }
    check_output(sheet, SHEET_TABLE, rows);
    check_output(sheet, SHEET_RECORDS, rows);
    check_output(sheet, SHEET_CSV, rows);
    return 0;
}
