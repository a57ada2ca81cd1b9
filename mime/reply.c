#include "mime/reply.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* An attribution is wrapped over at most so many lines. */
#define ATTRIBUTION_LINES 4
#define ATTRIBUTION_BYTES 600
/* Lines of a header block that are looked at. */
#define BLOCK_LINES 8

enum line_kind { LINE_OTHER, LINE_QUOTE, LINE_FORWARD };

/* What stands in an attribution: its verb, folded as g_utf8_casefold() does. */
static const char *const verbs[] = {
    "wrote",
    "writes",
    "schrieb",
    "geschrieben",
    "a écrit",
    "ecrit",
    "escribió",
    "escribio",
    "ha scritto",
    "scrisse",
    "escreveu",
    "schreef",
    "het volgende geschreven",
    "skrev",
    "kirjoitti",
    "napisał",
    "napisała",
    "pisze",
    "napsal",
    "napsala",
    "napísal",
    "írta",
    "a scris",
    "написал",
    "написала",
    "пишет",
    "пише",
    "έγραψε",
    "yazdı",
    "写道",
    "寫道",
    "のメール",
    "書きました",
    "작성",
};

/* What stands between two rules above a quoted mail. */
static const char *const separators[] = {
    "original message",
    "ursprüngliche nachricht",
    "originalnachricht",
    "message d'origine",
    "message original",
    "mensaje original",
    "messaggio originale",
    "mensagem original",
    "oorspronkelijk bericht",
    "oprindelig meddelelse",
    "ursprungligt meddelande",
    "opprinnelig melding",
    "alkuperäinen viesti",
    "wiadomość oryginalna",
    "původní zpráva",
    "исходное сообщение",
    "原始邮件",
    "原始郵件",
    "元のメッセージ",
};

static const char *const forwards[] = {
    "forwarded message",	   "begin forwarded message",	 "weitergeleitete nachricht",
    "anfang der weitergeleiteten", "message transféré",		 "début du message transféré",
    "début du message réexpédié",  "mensaje reenviado",		 "inicio del mensaje reenviado",
    "messaggio inoltrato",	   "inizio messaggio inoltrato", "mensagem encaminhada",
    "doorgestuurd bericht",	   "пересылаемое сообщение",
};

static const char *const markers[] = {
    "reply above this line",
    "reply above the line",
    "write above this line",
    "type your reply above",
    "bitte antworten sie oberhalb",
    "oberhalb dieser zeile antworten",
    "antworten sie über dieser zeile",
    "antwort über dieser zeile",
    "répondre au-dessus de cette ligne",
    "répondez au-dessus de cette ligne",
    "responda por encima de esta línea",
    "responder por encima de esta línea",
    "escriba su respuesta por encima de esta línea",
    "rispondi sopra questa riga",
    "responda acima desta linha",
    "antwoord boven deze regel",
};

/* The names of header lines in a quoted mail, by the line they begin. */
static const char *const from_names[] = {
    "from", "von",     "de",	 "da",	   "van",    "från",   "fra",	 "lähettäjä", "od",
    "от",   "от кого", "发件人", "寄件者", "差出人", "kimden", "feladó", "expéditeur"};
static const char *const other_names[] = {
    "sent",	  "date",	"to",	    "subject",	     "cc",	  "gesendet",
    "datum",	  "an",		"betreff",  "envoyé",	     "à",	  "objet",
    "enviado",	  "enviado el", "para",	    "asunto",	     "fecha",	  "inviato",
    "data",	  "a",		"oggetto",  "assunto",	     "verzonden", "aan",
    "onderwerp",  "skickat",	"till",	    "ämne",	     "sendt",	  "til",
    "emne",	  "lähetetty",	"päiväys",  "vastaanottaja", "aihe",	  "wysłano",
    "wysłane",	  "do",		"temat",    "odesláno",	     "komu",	  "předmět",
    "отправлено", "дата",	"кому",	    "тема",	     "发送时间",  "收件人",
    "主题",	  "日期",	"寄件日期", "收件者",	     "主旨",	  "送信日時",
    "日時",	  "宛先",	"件名",	    "answer to",
};

/* ---- lines ---- */

/* Without blanks around it, folded. Each line of a mail comes here: ASCII is the cheap case. */
static char *fold_line(const char *line)
{
	g_autofree char *copy = g_strstrip(g_strdup(line));
	return g_str_is_ascii(copy) ? g_ascii_strdown(copy, -1) : g_utf8_casefold(copy, -1);
}

static bool holds_any(const char *line, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strstr(line, words[i]) != NULL)
			return true;
	}
	return false;
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t")] == '\0';
}

static bool is_quoted(const char *line)
{
	line += strspn(line, " ");
	return *line == '>' || g_str_has_prefix(line, "&gt;");
}

/* ---- the lines between answer and quote ---- */

/* "-----Original Message-----", "---------- Forwarded message ---------": words between dashes. */
static bool is_ruled(const char *folded)
{
	const size_t dashes = strspn(folded, "-_* ");
	return dashes >= 2 && strspn(folded, "-_*") >= 2 && strlen(folded) < 200;
}

static bool ends_with_colon(const char *text)
{
	return g_str_has_suffix(text, ":") || g_str_has_suffix(text, "：");
}

static bool holds_date(const char *text)
{
	return text[strcspn(text, "0123456789")] != '\0';
}

/* "On Tue, 3 Mar 2026 at 09:30, Ann Lee <ann@example.com> wrote:" and its translations, in one
 * line. */
static bool is_attribution(const char *joined)
{
	g_autofree char *line = g_strchomp(g_strdup(joined));
	if (!ends_with_colon(line))
		return false;
	g_autofree char *folded = fold_line(line);
	if (strlen(folded) > ATTRIBUTION_BYTES)
		return false;
	/* Gmail in Russian and some other languages has no verb: date, name and <address>: */
	if (g_str_has_suffix(folded, ">:") && holds_date(folded))
		return true;
	return (strchr(folded, '@') != NULL || holds_date(folded)) &&
	       holds_any(folded, verbs, G_N_ELEMENTS(verbs));
}

/* How many lines from here on are an attribution; 0 = none. */
static size_t count_attribution(char *const *lines)
{
	g_autoptr(GString) joined = g_string_new(NULL);
	for (size_t i = 0; i < ATTRIBUTION_LINES && lines[i] != NULL; i++) {
		if (is_blank(lines[i]) || is_quoted(lines[i]))
			return 0;
		g_string_append(joined, lines[i]);
		if (is_attribution(joined->str))
			return i + 1;
		/* A line that is a sentence of its own does not go on as an attribution. */
		if (strchr(".!?", joined->str[joined->len - 1]) != NULL)
			return 0;
		g_string_append_c(joined, ' ');
	}
	return 0;
}

/* An attribution that takes several lines begins with one of these or with a date or a name; the
 * last line of the answer must not be taken for its beginning. */
static bool begins_attribution(const char *line)
{
	static const char *const starts[] = {
	    "on ",     "am ",	"le ",	      "el ",   "il ",  "em ",	  "op ",   "den ",
	    "w dniu ", "dnia ", "dne ",	      "dňa ",  "on: ", "в ",	  "στις ", "tarihinde",
	    "在",      "at ",	"il giorno ", "a(z) ", "la ",  "no dia ", "a ",
	};
	g_autofree char *folded = fold_line(line);
	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
		if (g_str_has_prefix(folded, starts[i]))
			return true;
	}
	return g_ascii_isdigit(*folded) ||
	       (strchr(folded, '@') != NULL && strchr(folded, '<') != NULL);
}

/* "*From:* Ann Lee" names "from"; NULL where the line is no header line. Caller frees. */
static char *header_name(const char *line)
{
	if (strchr(line, ':') == NULL && strstr(line, "：") == NULL)
		return NULL;
	g_autofree char *folded = fold_line(line);
	const char *start = folded + strspn(folded, "*_ ");
	const char *ascii = strchr(start, ':');
	const char *wide = strstr(start, "：");
	const char *end = ascii != NULL && (wide == NULL || ascii < wide) ? ascii : wide;
	if (end == NULL || end - start > 40)
		return NULL;
	g_autofree char *name = g_strndup(start, (gsize)(end - start));
	g_strdelimit(name, "*_", ' ');
	return g_strdup(g_strstrip(name));
}

static bool header_is(const char *line, const char *const *names, size_t count)
{
	g_autofree char *name = header_name(line);
	for (size_t i = 0; name != NULL && i < count; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* From: and at least two of the others that follow it. */
static bool is_header_block(char *const *lines)
{
	if (!header_is(lines[0], from_names, G_N_ELEMENTS(from_names)))
		return false;
	size_t found = 0;
	for (size_t i = 1; i < BLOCK_LINES && lines[i] != NULL; i++)
		found += header_is(lines[i], other_names, G_N_ELEMENTS(other_names)) ? 1 : 0;
	return found >= 2;
}

static bool is_attribution_at(char *const *lines)
{
	const size_t count = count_attribution(lines);
	return count == 1 || (count > 1 && begins_attribution(lines[0]));
}

static enum line_kind classify(char *const *lines)
{
	g_autofree char *folded = fold_line(lines[0]);
	if ((is_ruled(folded) || g_str_has_suffix(folded, ":")) &&
	    holds_any(folded, forwards, G_N_ELEMENTS(forwards)))
		return LINE_FORWARD;
	if (holds_any(folded, markers, G_N_ELEMENTS(markers)))
		return LINE_QUOTE;
	if (is_ruled(folded) && holds_any(folded, separators, G_N_ELEMENTS(separators)))
		return LINE_QUOTE;
	if (is_quoted(lines[0]) || is_attribution_at(lines) || is_header_block(lines))
		return LINE_QUOTE;
	return LINE_OTHER;
}

/* ---- the answer ---- */

/* Outlook draws a line above its header block; it belongs to that. */
static bool is_rule(const char *line)
{
	const size_t size = strlen(line);
	return size >= 5 && (strspn(line, "_ ") == size || strspn(line, "- ") == size);
}

static char *join_above(char *const *lines, size_t count)
{
	while (count > 0 && (is_blank(lines[count - 1]) || is_rule(lines[count - 1])))
		count--;
	size_t first = 0;
	while (first < count && is_blank(lines[first]))
		first++;
	GString *answer = g_string_new(NULL);
	for (size_t i = first; i < count; i++)
		g_string_append_printf(answer, "%s%s", i > first ? "\n" : "", lines[i]);
	return g_string_free(answer, FALSE);
}

char *reply_plain(const char *text, size_t length)
{
	g_autofree char *copy = g_strndup(text, length);
	g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
	for (size_t i = 0; lines[i] != NULL; i++) {
		if (is_blank(lines[i]))
			continue;
		const enum line_kind kind = classify(lines + i);
		if (kind == LINE_QUOTE)
			return join_above(lines, i);
		if (kind == LINE_FORWARD)
			break;
	}
	return g_strdup("");
}
