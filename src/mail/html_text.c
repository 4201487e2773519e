#include "mail/html_text.h"

#include "mail/html_token.h"

#include <string.h>

#define MAX_LISTS 16
#define MAX_QUOTES 8
#define MAX_BREAKS 3
#define MAX_URL_BYTES 2000
#define MAX_INPUT_BYTES (16 * 1024 * 1024)

typedef struct {
    GString *out;
    gsize max;
    guint breaks;     /* line ends owed before the next text */
    guint blanks;     /* blanks owed, if it goes on on the same line */
    bool blank_is_break; /* the blank was a line end in the source */
    gunichar last;    /* last character on this line, 0 for none */
    guint pre, quotes, lists, cells;
    int counters[MAX_LISTS]; /* -1: bullets, else the last number */
    char marker[16];         /* of a list item that has no text yet */
    char *href;              /* of the open link */
    gsize link_start;        /* length of out when it was opened */
    char hidden[16];         /* name of the element being left out */
    guint hidden_depth;
} Writer;

static bool
is_full(const Writer *self)
{
    return self->out->len >= self->max;
}

static void
need_break(Writer *self, guint n)
{
    self->breaks = MAX(self->breaks, n);
}

/* Japanese and Chinese text is broken over source lines without meaning blanks; Korean has blanks. */
static bool
is_unspaced(gunichar c)
{
    bool hangul = (c >= 0x1100 && c < 0x1200) || (c >= 0x3130 && c < 0x3190) || (c >= 0xac00 && c < 0xd7b0);

    return c >= 0x2e80 && !hangul && g_unichar_iswide(c);
}

static void
trim_line(GString *out)
{
    while (out->len && (out->str[out->len - 1] == ' ' || out->str[out->len - 1] == '\t'))
        g_string_truncate(out, out->len - 1);
}

static void
start_line(Writer *self)
{
    trim_line(self->out);
    for (guint i = 0; i < self->breaks && self->out->len; i++)
        g_string_append_c(self->out, '\n');
    self->breaks = self->blanks = self->cells = 0;
    self->last = 0;
    for (guint i = 0; i < MIN(self->quotes, MAX_QUOTES); i++)
        g_string_append(self->out, "> ");
    guint depth = MIN(self->lists, MAX_LISTS);
    for (guint i = 0; i + (self->marker[0] != '\0') < depth; i++)
        g_string_append(self->out, "  ");
    g_string_append(self->out, self->marker);
    self->marker[0] = '\0';
}

static void
put(Writer *self, gunichar c)
{
    if (self->breaks || !self->out->len)
        start_line(self);
    if (self->blanks && self->last &&
        !(self->blank_is_break && self->blanks == 1 && is_unspaced(self->last) && is_unspaced(c)))
        g_string_append(self->out, self->blanks == 1 ? " " : "  ");
    self->blanks = 0;
    self->blank_is_break = false;
    self->last = c;
    g_string_append_unichar(self->out, c);
}

static void
put_string(Writer *self, const char *text)
{
    for (; *text; text = g_utf8_next_char(text))
        put(self, g_utf8_get_char(text));
}

static void
put_preformatted(Writer *self, gunichar c)
{
    if (c == '\n')
        self->breaks = self->out->len ? self->breaks + 1 : 0;
    else if (c != '\r')
        put(self, c == 0xa0 ? ' ' : c);
}

static void
on_character(Writer *self, gunichar c)
{
    switch (c) {
    case '\n':
    case '\r':
        self->blank_is_break = self->blank_is_break || self->blanks == 0;
        self->blanks = MAX(self->blanks, 1);
        break;
    case ' ':
    case '\t':
    case '\f':
        /* Indentation behind a line end belongs to it. */
        self->blanks = MAX(self->blanks, 1);
        break;
    case 0xa0:
        put(self, ' ');
        break;
    case 0xad: /* not to be seen, often used as filling */
    case 0x200b:
    case 0xfeff:
        break;
    default:
        if (c >= ' ' && c != 0x7f)
            put(self, c);
    }
}

static void
on_text(Writer *self, const char *p, const char *end)
{
    while (p < end && !is_full(self)) {
        gunichar c = *p == '&' ? html_reference(&p, end) : 0;
        if (!c) {
            c = g_utf8_get_char(p);
            p = g_utf8_next_char(p);
        }
        (self->pre ? put_preformatted : on_character)(self, c);
    }
}

/* Whether the link's text says where it leads already. */
static bool
says_url(const char *text, const char *url)
{
    static const char *const schemes[] = { "", "http://", "https://", "mailto:", "tel:" };

    for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
        gsize n = strlen(schemes[i]), length = strlen(text);
        if (!g_str_has_prefix(url, schemes[i]) || strncmp(url + n, text, length) != 0)
            continue;
        if (length && (url[n + length] == '\0' || strcmp(url + n + length, "/") == 0))
            return true;
    }
    return false;
}

static void
close_link(Writer *self)
{
    g_autofree char *url = g_steal_pointer(&self->href);

    if (!url || is_full(self))
        return;
    g_autofree char *text = g_strstrip(g_strdup(self->out->str + MIN(self->link_start, self->out->len)));
    if (says_url(text, url))
        return;
    if (*text)
        self->blanks = MAX(self->blanks, 1);
    self->blank_is_break = false;
    put(self, '<');
    put_string(self, url);
    put(self, '>');
}

static void
open_link(Writer *self, const HtmlToken *token)
{
    static const char *const schemes[] = { "http:", "https:", "mailto:", "tel:", "ftp:" };
    g_autofree char *href = html_token_attribute(token, "href");

    close_link(self);
    if (!href || strlen(g_strstrip(href)) > MAX_URL_BYTES || strpbrk(href, " \t\r\n<>"))
        return;
    for (guint i = 0; i < G_N_ELEMENTS(schemes) && !self->href; i++)
        if (g_ascii_strncasecmp(href, schemes[i], strlen(schemes[i])) == 0)
            self->href = g_strdup(href);
    self->link_start = self->out->len;
}

static void
open_item(Writer *self)
{
    int *counter = self->lists && self->lists <= MAX_LISTS ? &self->counters[self->lists - 1] : NULL;

    need_break(self, 1);
    if (counter && *counter >= 0)
        g_snprintf(self->marker, sizeof self->marker, "%d. ", ++*counter);
    else
        g_strlcpy(self->marker, "- ", sizeof self->marker);
}

static void
open_list(Writer *self, bool numbered)
{
    need_break(self, self->lists ? 1 : 2);
    if (self->lists < MAX_LISTS)
        self->counters[self->lists] = numbered ? 0 : -1;
    self->lists++;
}

static void
close_list(Writer *self)
{
    self->lists -= self->lists > 0;
    self->marker[0] = '\0';
    need_break(self, self->lists ? 1 : 2);
}

typedef enum {
    ELEMENT_BLOCK,     /* on lines of its own */
    ELEMENT_PARAGRAPH, /* and with an empty line around */
    ELEMENT_BREAK,
    ELEMENT_CELL,
    ELEMENT_HIDDEN,
    ELEMENT_IMAGE,
    ELEMENT_ITEM,
    ELEMENT_LINK,
    ELEMENT_LIST,
    ELEMENT_NUMBERED,
    ELEMENT_PRE,
    ELEMENT_QUOTE,
    ELEMENT_RULE,
    ELEMENT_OTHER,
} Element;

static const struct {
    const char *name;
    Element element;
} elements[] = {
    { "a", ELEMENT_LINK },           { "address", ELEMENT_BLOCK },  { "article", ELEMENT_BLOCK },
    { "aside", ELEMENT_BLOCK },      { "blockquote", ELEMENT_QUOTE }, { "body", ELEMENT_BLOCK },
    { "br", ELEMENT_BREAK },         { "caption", ELEMENT_BLOCK },  { "center", ELEMENT_BLOCK },
    { "dd", ELEMENT_BLOCK },         { "dir", ELEMENT_LIST },       { "div", ELEMENT_BLOCK },
    { "dl", ELEMENT_PARAGRAPH },     { "dt", ELEMENT_BLOCK },       { "fieldset", ELEMENT_BLOCK },
    { "figcaption", ELEMENT_BLOCK }, { "figure", ELEMENT_BLOCK },   { "footer", ELEMENT_BLOCK },
    { "form", ELEMENT_BLOCK },       { "h1", ELEMENT_PARAGRAPH },   { "h2", ELEMENT_PARAGRAPH },
    { "h3", ELEMENT_PARAGRAPH },     { "h4", ELEMENT_PARAGRAPH },   { "h5", ELEMENT_PARAGRAPH },
    { "h6", ELEMENT_PARAGRAPH },     { "header", ELEMENT_BLOCK },   { "hr", ELEMENT_RULE },
    { "img", ELEMENT_IMAGE },        { "li", ELEMENT_ITEM },        { "main", ELEMENT_BLOCK },
    { "menu", ELEMENT_LIST },        { "nav", ELEMENT_BLOCK },      { "ol", ELEMENT_NUMBERED },
    { "option", ELEMENT_BLOCK },     { "p", ELEMENT_PARAGRAPH },    { "pre", ELEMENT_PRE },
    { "section", ELEMENT_BLOCK },    { "table", ELEMENT_BLOCK },    { "td", ELEMENT_CELL },
    { "template", ELEMENT_HIDDEN },  { "th", ELEMENT_CELL },        { "tr", ELEMENT_BLOCK },
    { "ul", ELEMENT_LIST },
};

static int
element_compare(const void *name, const void *row)
{
    return strcmp(name, *(const char *const *) row);
}

static Element
element_find(const char *name)
{
    const void *found = bsearch(name, elements, G_N_ELEMENTS(elements), sizeof elements[0], element_compare);
    gsize row = found ? ((const char *) found - (const char *) elements) / sizeof elements[0] : 0;

    return found ? elements[row].element : ELEMENT_OTHER;
}

/* Whether a style hides the element: mailings put a preview line for the inbox there. */
static bool
is_hidden(const HtmlToken *token)
{
    static const char *const empty[] = {
        "br", "hr", "img", "input", "meta", "link", "area", "base", "col", "wbr",
    };
    g_autofree char *style = html_token_attribute(token, "style");
    char *to = style;

    for (guint i = 0; i < G_N_ELEMENTS(empty); i++)
        if (strcmp(token->name, empty[i]) == 0)
            return false;
    for (const char *from = style; from && *from; from++)
        if (!g_ascii_isspace(*from))
            *to++ = g_ascii_tolower(*from);
    if (to)
        *to = '\0';
    return style && strstr(style, "display:none");
}

static void
on_open(Writer *self, const HtmlToken *token)
{
    Element element = element_find(token->name);

    if (element == ELEMENT_HIDDEN || is_hidden(token)) {
        g_strlcpy(self->hidden, token->name, sizeof self->hidden);
        self->hidden_depth = 1;
        return;
    }
    switch (element) {
    case ELEMENT_BLOCK:
        need_break(self, 1);
        break;
    case ELEMENT_PARAGRAPH:
        need_break(self, self->marker[0] ? 1 : 2);
        break;
    case ELEMENT_BREAK:
        self->breaks = MIN(self->breaks + 1, MAX_BREAKS);
        break;
    case ELEMENT_CELL:
        self->blanks = MAX(self->blanks, 2);
        break;
    case ELEMENT_IMAGE: {
        g_autofree char *alt = html_token_attribute(token, "alt");
        if (alt)
            on_text(self, alt, alt + strlen(alt));
        break;
    }
    case ELEMENT_ITEM:
        open_item(self);
        break;
    case ELEMENT_LINK:
        open_link(self, token);
        break;
    case ELEMENT_LIST:
    case ELEMENT_NUMBERED:
        open_list(self, element == ELEMENT_NUMBERED);
        break;
    case ELEMENT_PRE:
        need_break(self, 2);
        self->pre++;
        break;
    case ELEMENT_QUOTE:
        need_break(self, 2);
        self->quotes++;
        break;
    case ELEMENT_RULE:
        need_break(self, 1);
        put_string(self, "----------------------------------------");
        need_break(self, 1);
        break;
    default:
        break;
    }
}

static void
on_close(Writer *self, const char *name)
{
    switch (element_find(name)) {
    case ELEMENT_BLOCK:
    case ELEMENT_ITEM:
        need_break(self, 1);
        break;
    case ELEMENT_PARAGRAPH:
        need_break(self, 2);
        break;
    case ELEMENT_LINK:
        close_link(self);
        break;
    case ELEMENT_LIST:
    case ELEMENT_NUMBERED:
        close_list(self);
        break;
    case ELEMENT_PRE:
        need_break(self, 2);
        self->pre -= self->pre > 0;
        break;
    case ELEMENT_QUOTE:
        need_break(self, 2);
        self->quotes -= self->quotes > 0;
        break;
    default:
        break;
    }
}

/* Inside an element that is left out only its own name counts. */
static void
on_hidden(Writer *self, const HtmlToken *token)
{
    if (token->kind == HTML_TEXT || strcmp(token->name, self->hidden) != 0)
        return;
    if (token->kind == HTML_OPEN)
        self->hidden_depth++;
    else
        self->hidden_depth--;
}

/* Writes the text; false if an element that is left out was never closed. */
static bool
render(Writer *self, const char *html, bool hide)
{
    HtmlTokens tokens = { .next = html, .end = html + strnlen(html, MAX_INPUT_BYTES) };
    HtmlToken token;

    while (tokens.end > html && (*tokens.end & 0xc0) == 0x80) /* not inside a character */
        tokens.end--;
    while (!is_full(self) && html_token_next(&tokens, &token)) {
        if (self->hidden_depth && hide)
            on_hidden(self, &token);
        else if (token.kind == HTML_TEXT)
            on_text(self, token.start, token.end);
        else if (token.kind == HTML_OPEN)
            on_open(self, &token);
        else
            on_close(self, token.name);
    }
    close_link(self);
    return self->hidden_depth == 0;
}

char *
html_text(const char *html, gsize max_bytes)
{
    Writer self = { .out = g_string_new(NULL), .max = max_bytes };

    if (!render(&self, html, true)) { /* rather too much text than none */
        g_string_truncate(self.out, 0);
        self = (Writer){ .out = self.out, .max = max_bytes };
        render(&self, html, false);
    }
    if (self.out->len > max_bytes) {
        while (max_bytes > 0 && (self.out->str[max_bytes] & 0xc0) == 0x80)
            max_bytes--;
        g_string_truncate(self.out, max_bytes);
    }
    return g_strchomp(g_string_free(self.out, FALSE));
}
