#include "mime/reply.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* An attribution is wrapped over at most so many lines. */
#define ATTRIBUTION_LINES 4
#define ATTRIBUTION_BYTES ((size_t)600)
/* Lines of a header block that are looked at. */
#define BLOCK_LINES 8

enum line_kind { LINE_OTHER, LINE_QUOTE, LINE_FORWARD };

/* What stands in an attribution: its verb. This and all that follows as fold_line() makes it. */
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
    "napisana przez",
    "pisze",
    "napsal",
    "napísal",
    "napisal",
    "napisao",
    "írta",
    "a scris",
    "va escriure",
    "missatge de",
    "rašė",
    "rakstīja",
    "kirjutas",
    "написа",
    "пишет",
    "пише",
    "έγραψε",
    "yazdı",
    "đã viết",
    "menulis",
    "เขียน",
    "نوشت",
    "लिखा",
    "写道",
    "寫道",
    "のメール",
    "書きました",
    "작성",
};

/* What stands between two rules above a quoted mail. */
static const char *const separators[] = {
    "original message",
    "- original -",
    "ursprüngliche nachricht",
    "originalnachricht",
    "original-nachricht",
    "message d'origine",
    "message original",
    "mensaje original",
    "messaggio originale",
    "mensagem original",
    "oorspronkelijk bericht",
    "oprindelig meddelelse",
    "oprindelig besked",
    "ursprungligt meddelande",
    "originalmeddelande",
    "opprinnelig melding",
    "alkuperäinen viesti",
    "wiadomość oryginalna",
    "oryginalna wiadomość",
    "původní zpráva",
    "původní e-mail",
    "pôvodná správa",
    "eredeti üzenet",
    "mesaj original",
    "mesajul original",
    "orijinal mesaj",
    "orijinal ileti",
    "missatge original",
    "αρχικό μήνυμα",
    "исходное сообщение",
    "оригінальне повідомлення",
    "原始邮件",
    "原邮件",
    "邮件原件",
    "原始郵件",
    "元のメッセージ",
    "원본 메시지",
    "원본 메일",
};

static const char *const forwards[] = {
    "forwarded message",
    "begin forwarded message",
    "weitergeleitete nachricht",
    "anfang der weitergeleiteten",
    "message transféré",
    "début du message transféré",
    "début du message réexpédié",
    "mensaje reenviado",
    "inicio del mensaje reenviado",
    "messaggio inoltrato",
    "inizio messaggio inoltrato",
    "mensagem encaminhada",
    "mensagem reencaminhada",
    "missatge reenviat",
    "doorgestuurd bericht",
    "vidarebefordrat meddelande",
    "vidarebefordrat brev",
    "videresendt meddelelse",
    "videresendt melding",
    "videresendt besked",
    "välitetty viesti",
    "przekazana wiadomość",
    "przekazywanej wiadomości",
    "přeposlaná zpráva",
    "továbbított üzenet",
    "пересылаемое сообщение",
    "пересланное сообщение",
    "переадресованного сообщения",
    "转发的邮件",
    "轉寄郵件",
    "転送メッセージ",
    "전달된 메시지",
};

static const char *const markers[] = {
    "reply above this line",
    "reply above the line",
    "write above this line",
    "type your reply above",
    "answer above this line",
    "bitte antworten sie oberhalb",
    "antwort oberhalb dieser zeile",
    "oberhalb dieser zeile antworten",
    "antworten sie über dieser zeile",
    "antwort über dieser zeile",
    "répondre au-dessus de cette ligne",
    "répondez au-dessus de cette ligne",
    "réponse au-dessus de cette ligne",
    "responda por encima de esta línea",
    "responder por encima de esta línea",
    "escriba su respuesta por encima de esta línea",
    "rispondi sopra questa riga",
    "risposta sopra questa riga",
    "responda acima desta linha",
    "resposta acima desta linha",
    "antwoord boven deze regel",
    "svar ovanför denna rad",
    "svar ovanför den här raden",
    "svar over denne linje",
    "svaret over denne linje",
    "odpowiedź powyżej tej linii",
};

/* Each marker holds one of these. */
static const char *const marker_hints[] = {
    "above",	   "oberhalb",	 "über dieser", "au-dessus",  "por encima", "sopra questa",
    "acima desta", "boven deze", "ovanför",	"over denne", "powyżej",
};

/* The names of header lines in a quoted mail, by the line they begin. */
static const char *const from_names[] = {
    "from",   "von",	   "de",      "da",	"van",	      "från",  "fra",	 "lähettäjä",
    "od",     "от",	   "от кого", "від",	"από",	      "de la", "发件人", "寄件者",
    "差出人", "보낸 사람", "kimden",  "feladó", "expéditeur", "מאת"};
static const char *const other_names[] = {
    "sent",	     "date",	  "to",		"subject",   "cc",	   "answer to",
    "gesendet",	     "datum",	  "an",		"betreff",   "envoyé",	   "à",
    "objet",	     "enviado",	  "enviado el", "enviada",   "enviada em", "para",
    "asunto",	     "assunto",	  "fecha",	"inviato",   "data",	   "a",
    "oggetto",	     "verzonden", "aan",	"onderwerp", "skickat",	   "till",
    "ämne",	     "sendt",	  "til",	"emne",	     "lähetetty",  "päiväys",
    "vastaanottaja", "aihe",	  "wysłano",	"wysłane",   "do",	   "temat",
    "odesláno",	     "komu",	  "předmět",	"odoslané",  "predmet",	   "elküldve",
    "dátum",	     "címzett",	  "tárgy",	"trimis",    "către",	   "subiect",
    "gönderildi",    "tarih",	  "kime",	"konu",	     "enviat",	   "per a",
    "assumpte",	     "στάλθηκε",  "ημερομηνία", "προς",	     "θέμα",	   "отправлено",
    "дата",	     "кому",	  "тема",	"надіслано", "发送时间",   "收件人",
    "主题",	     "日期",	  "寄件日期",	"收件者",    "主旨",	   "送信日時",
    "日時",	     "宛先",	  "件名",	"보낸 날짜", "받는 사람",  "제목",
    "נשלח",	     "אל",	  "נושא"};

/* ---- lines ---- */

/* One character that is not ASCII. What looks the same is the same: blanks of all kinds, both
 * apostrophes; marks that only say in which direction text runs are left out. */
static void fold_character(GString *folded, gunichar c)
{
	const GUnicodeType type = g_unichar_type(c);
	if (type == G_UNICODE_SPACE_SEPARATOR)
		g_string_append_c(folded, ' ');
	else if (c == 0x2019)
		g_string_append_c(folded, '\'');
	else if (type != G_UNICODE_FORMAT)
		g_string_append_unichar(folded, g_unichar_tolower(c));
}

static char fold_byte(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* False: the line has characters that are not ASCII. */
static bool fold_ascii(char *line)
{
	for (; *line != '\0'; line++) {
		if ((*line & 0x80) != 0)
			return false;
		*line = fold_byte(*line);
	}
	return true;
}

/* Without blanks around it, in lower case. Each line of a mail comes here: ASCII is the cheap case.
 */
static char *fold_line(const char *line)
{
	g_autofree char *copy = g_strdup(line);
	if (fold_ascii(copy))
		return g_strstrip(g_steal_pointer(&copy));
	GString *folded = g_string_sized_new(strlen(line) + 1);
	for (const char *next; *line != '\0'; line = next) {
		next = g_utf8_next_char(line);
		if (next == line + 1)
			g_string_append_c(folded, fold_byte(*line));
		else
			fold_character(folded, g_utf8_get_char(line));
	}
	return g_strstrip(g_string_free(folded, FALSE));
}

/* A text, line by line. */
struct lines {
	char **text;   /* as they stand */
	char **folded; /* by fold_line(); NULL until somebody asks */
	size_t count;
};

static struct lines lines_split(const char *text, size_t length)
{
	g_autofree char *copy = g_strndup(text, length);
	struct lines lines = {.text = g_strsplit(copy, "\n", -1)};
	lines.count = g_strv_length(lines.text);
	lines.folded = g_new0(char *, lines.count);
	return lines;
}

static void lines_clear(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		g_free(lines->folded[i]);
	g_free(lines->folded);
	g_strfreev(lines->text);
}

/* Folded; NULL behind the last one. */
static const char *line_at(struct lines *lines, size_t index)
{
	if (index >= lines->count)
		return NULL;
	if (lines->folded[index] == NULL)
		lines->folded[index] = fold_line(lines->text[index]);
	return lines->folded[index];
}

/* ---- what a folded line is ---- */

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
	return *line == '\0';
}

static bool is_quoted(const char *line)
{
	return *line == '>' || g_str_has_prefix(line, "&gt;");
}

/* "-----Original Message-----", "---------- Forwarded message ---------": words between dashes. */
static bool is_ruled(const char *line)
{
	return strspn(line, "-_*") >= 2 && strlen(line) < 200;
}

static bool is_marker(const char *line)
{
	return holds_any(line, marker_hints, G_N_ELEMENTS(marker_hints)) &&
	       holds_any(line, markers, G_N_ELEMENTS(markers));
}

static bool ends_with_colon(const char *text)
{
	return g_str_has_suffix(text, ":") || g_str_has_suffix(text, "：");
}

static bool holds_date(const char *text)
{
	return text[strcspn(text, "0123456789")] != '\0';
}

/* ---- attributions ---- */

/* "On …", "Am …", "3. März …": how an attribution begins with its date. */
static bool begins_date(const char *line)
{
	static const char *const starts[] = {
	    "on ",     "am ",	    "le ",   "el ",   "il ",	    "em ",   "op ",
	    "den ",    "w dniu ",   "dnia ", "dne ",  "dňa ",	    "on: ",  "в ",
	    "στις ",   "tarihinde", "在",    "at ",   "il giorno ", "a(z) ", "la ",
	    "no dia ", "a ",	    "на ",   "pada ", "vào ",	    "às ",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
		if (g_str_has_prefix(line, starts[i]))
			return true;
	}
	return g_ascii_isdigit(*line);
}

/* An attribution that takes several lines begins with its date or with a name; the last line of the
 * answer must not be taken for its beginning. */
static bool begins_attribution(const char *line)
{
	return begins_date(line) || (strchr(line, '@') != NULL && strchr(line, '<') != NULL);
}

/* A line that is a sentence of its own does not go on as an attribution; one that ends with the
 * time, "at 9:30 a.m.", may. */
static bool ends_sentence(const char *line, const char *next)
{
	if (strchr(".!?", line[strlen(line) - 1]) == NULL)
		return false;
	return !g_str_has_suffix(line, "m.") || next == NULL || begins_date(next);
}

/* "on tue, 3 mar 2026 at 09:30, ann lee <ann@example.com> wrote:" and its translations, wrapped
 * over `count` lines. */
static bool is_attribution(struct lines *lines, size_t index, size_t count)
{
	g_autoptr(GString) joined = g_string_new(line_at(lines, index));
	for (size_t i = 1; i < count; i++)
		g_string_append_printf(joined, " %s", line_at(lines, index + i));
	if (joined->len > ATTRIBUTION_BYTES)
		return false;
	/* Gmail in Russian and some other languages has no verb: date, name and <address>: */
	if (g_str_has_suffix(joined->str, ">:") && holds_date(joined->str))
		return true;
	return (strchr(joined->str, '@') != NULL || holds_date(joined->str)) &&
	       holds_any(joined->str, verbs, G_N_ELEMENTS(verbs));
}

/* How many lines from here on are an attribution; 0 = none. */
static size_t count_attribution(struct lines *lines, size_t index)
{
	for (size_t i = 0; i < ATTRIBUTION_LINES; i++) {
		const char *line = line_at(lines, index + i);
		if (line == NULL || is_blank(line) || is_quoted(line))
			return 0;
		if (ends_with_colon(line) && is_attribution(lines, index, i + 1))
			return i + 1;
		if (ends_sentence(line, line_at(lines, index + i + 1)))
			return 0;
	}
	return 0;
}

static bool is_attribution_at(struct lines *lines, size_t index)
{
	const size_t count = count_attribution(lines, index);
	return count == 1 || (count > 1 && begins_attribution(line_at(lines, index)));
}

/* ---- blocks of header lines ---- */

enum header_kind { HEADER_NONE, HEADER_FROM, HEADER_OTHER };

/* "*from:* ann lee" names "from"; NULL where the line is no header line. Caller frees. */
static char *header_name(const char *line)
{
	const char *start = line + strspn(line, "*_ ");
	const char *ascii = strchr(start, ':');
	const char *wide = strstr(start, "：");
	const char *end = ascii != NULL && (wide == NULL || ascii < wide) ? ascii : wide;
	if (end == NULL || end - start > 40)
		return NULL;
	char *name = g_strndup(start, (gsize)(end - start));
	return g_strstrip(g_strdelimit(name, "*_", ' '));
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static enum header_kind header_kind_of(const char *line)
{
	g_autofree char *name = header_name(line);
	if (name == NULL)
		return HEADER_NONE;
	if (is_among(name, from_names, G_N_ELEMENTS(from_names)))
		return HEADER_FROM;
	return is_among(name, other_names, G_N_ELEMENTS(other_names)) ? HEADER_OTHER : HEADER_NONE;
}

/* From: and at least two of the others that follow it. Or in another order, "Sent:" first: then
 * From: has an address, and no empty line stands between them. */
static bool is_header_block(struct lines *lines, size_t index)
{
	const enum header_kind first = header_kind_of(line_at(lines, index));
	bool from = first == HEADER_FROM;
	size_t others = first == HEADER_OTHER ? 1 : 0;
	const char *line;
	for (size_t i = 1;
	     first != HEADER_NONE && i < BLOCK_LINES && (line = line_at(lines, index + i)) != NULL;
	     i++) {
		if (first == HEADER_OTHER && is_blank(line))
			break;
		const enum header_kind kind = header_kind_of(line);
		others += kind == HEADER_OTHER ? 1 : 0;
		from = from || (kind == HEADER_FROM && strchr(line, '@') != NULL);
	}
	return from && others >= 2;
}

/* ---- the answer ---- */

static enum line_kind classify(struct lines *lines, size_t index)
{
	const char *line = line_at(lines, index);
	if ((is_ruled(line) || g_str_has_suffix(line, ":")) &&
	    holds_any(line, forwards, G_N_ELEMENTS(forwards)))
		return LINE_FORWARD;
	if (is_quoted(line) || is_marker(line))
		return LINE_QUOTE;
	if (is_ruled(line) && holds_any(line, separators, G_N_ELEMENTS(separators)))
		return LINE_QUOTE;
	return is_attribution_at(lines, index) || is_header_block(lines, index) ? LINE_QUOTE
										: LINE_OTHER;
}

/* Outlook draws a line above its header block; it belongs to that. */
static bool is_rule(const char *line)
{
	const size_t size = strlen(line);
	return size >= 5 && (strspn(line, "_ ") == size || strspn(line, "- ") == size);
}

static char *join_above(struct lines *lines, size_t count)
{
	while (count > 0 &&
	       (is_blank(line_at(lines, count - 1)) || is_rule(line_at(lines, count - 1))))
		count--;
	size_t first = 0;
	while (first < count && is_blank(line_at(lines, first)))
		first++;
	GString *answer = g_string_new(NULL);
	for (size_t i = first; i < count; i++)
		g_string_append_printf(answer, "%s%s", i > first ? "\n" : "", lines->text[i]);
	return g_string_free(answer, FALSE);
}

static char *find_reply(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		if (is_blank(line_at(lines, i)))
			continue;
		const enum line_kind kind = classify(lines, i);
		if (kind == LINE_QUOTE)
			return join_above(lines, i);
		if (kind == LINE_FORWARD)
			break;
	}
	return g_strdup("");
}

char *reply_plain(const char *text, size_t length)
{
	struct lines lines = lines_split(text, length);
	char *reply = find_reply(&lines);
	lines_clear(&lines);
	return reply;
}
