#include "query/parser.h"

#include <libxml/encoding.h>
#include <libxml/parser.h>
#include <string.h>

typedef struct {
    Gather *gather;
    xmlParserCtxtPtr context;
    guint depth;
    bool closed; /* the root's end has come */
    bool broken, misencoded;
} Xml;

/* libxml2 calls on for a while after it was stopped. */
static void
stop(Xml *self)
{
    self->broken = true;
    xmlStopParser(self->context);
}

static void
on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespace_count,
         const xmlChar **namespaces, int attribute_count, int default_count, const xmlChar **attributes)
{
    Xml *self = user;
    bool ok = !self->broken && gather_begin(self->gather, (const char *) name);

    for (int i = 0; ok && i < attribute_count; i++) {
        const xmlChar **row = attributes + i * 5; /* name, prefix, URI, value, its end */
        ok = gather_leaf(self->gather, (const char *) row[0], (const char *) row[3], (size_t) (row[4] - row[3]));
    }
    self->depth++;
    if (!ok)
        stop(self);
}

static void
on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    Xml *self = user;

    if (self->broken)
        return;
    self->closed = --self->depth == 0;
    if (!gather_end(self->gather))
        stop(self);
}

static void
on_text(void *user, const xmlChar *text, int n)
{
    Xml *self = user;

    if (!self->broken && !gather_text(self->gather, (const char *) text, (size_t) n))
        stop(self);
}

/* A document type can define entities that grow, or that lie elsewhere: none of the APIs has one. */
static void
on_document_type(void *user, const xmlChar *name, const xmlChar *id, const xmlChar *system)
{
    Xml *self = user;
    bool page = xmlStrcasecmp(name, (const xmlChar *) "html") == 0;

    gather_fail(self->gather, page ? "it is a web page" : "it has a document type");
    stop(self);
}

static void
on_reference(void *user, const xmlChar *name)
{
    stop(user);
}

/* Instead of libxml2's own, which write to standard error. Bytes that are not of the encoding are told to those of the
 * thread alone. */
static void
on_problem(void *user, xmlErrorPtr problem)
{
    static const int codes[] = { XML_ERR_INVALID_ENCODING, XML_ERR_UNKNOWN_ENCODING, XML_ERR_UNSUPPORTED_ENCODING };
    Xml *self = user;
    bool no_utf8 = problem->code == XML_ERR_INVALID_CHAR && problem->message && /* it is also a control character's */
                   g_str_has_prefix(problem->message, "Input is not proper UTF-8");

    self->misencoded = self->misencoded || no_utf8 || problem->domain == XML_FROM_I18N;
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
        self->misencoded = self->misencoded || problem->code == codes[i];
}

static void
on_remark(void *user, const char *format, ...)
{
}

/* What programs mean by them, Japanese ones above all (mail/charset.h). */
static void *
add_aliases(void *unused)
{
    static const char *const names[][2] = {
        { "SHIFT_JIS", "CP932" }, { "SHIFT-JIS", "CP932" }, { "SJIS", "CP932" },       { "X-SJIS", "CP932" },
        { "MS932", "CP932" },     { "WINDOWS-31J", "CP932" }, { "EUC-JP", "EUC-JP-MS" }, { "EUCJP", "EUC-JP-MS" },
        { "ASCII", "UTF-8" },     { "US-ASCII", "UTF-8" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        xmlAddEncodingAlias(names[i][1], names[i][0]);
    return NULL;
}

static void *
xml_new(Gather *gather)
{
    Xml *self = g_new0(Xml, 1);
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .ignorableWhitespace = on_text,
        .cdataBlock = on_text,
        .internalSubset = on_document_type,
        .externalSubset = on_document_type,
        .reference = on_reference,
        .serror = on_problem,
    };

    static GOnce once = G_ONCE_INIT;

    g_once(&once, add_aliases, NULL);
    self->gather = gather;
    self->context = xmlCreatePushParserCtxt(&handler, self, NULL, 0, NULL);
    g_assert(self->context);
    xmlSetGenericErrorFunc(NULL, on_remark);
    xmlCtxtUseOptions(self->context, XML_PARSE_NONET);
    return self;
}

static void
xml_free(void *data)
{
    Xml *self = data;

    if (!self)
        return;
    if (self->context->myDoc)
        xmlFreeDoc(self->context->myDoc);
    xmlFreeParserCtxt(self->context);
    g_free(self);
}

/* At bytes that are not of the encoding libxml2 stops, and calls what came before them well-formed. */
static void
parse(Xml *self, const char *bytes, int n, bool last)
{
    xmlSetStructuredErrorFunc(self, on_problem);
    xmlParseChunk(self->context, bytes, n, last);
    xmlSetStructuredErrorFunc(NULL, NULL);
    bool stopped = self->context->instate == XML_PARSER_EOF;
    self->broken = self->broken || !self->context->wellFormed || (last ? !self->closed : stopped);
    if (self->broken && self->misencoded)
        gather_fail(self->gather, "it is not in the encoding that it names");
}

static bool
xml_push(void *data, const char *bytes, size_t n)
{
    Xml *self = data;

    while (n > 0 && !self->broken) {
        int piece = (int) MIN(n, 64 * 1024);
        parse(self, bytes, piece, false);
        bytes += piece;
        n -= (size_t) piece;
    }
    return !self->broken;
}

static bool
xml_finish(void *data)
{
    Xml *self = data;

    if (!self->broken)
        parse(self, NULL, 0, true);
    return !self->broken;
}

const QueryParser query_xml = { xml_new, xml_push, xml_finish, xml_free };
