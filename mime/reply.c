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
    "orijinal i̇leti",
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
    "assumpte",	     "στάλθηκε",  "ημερομηνία", "προσ",	     "θέμα",	   "отправлено",
    "дата",	     "кому",	  "тема",	"надіслано", "发送时间",   "收件人",
    "主题",	     "日期",	  "寄件日期",	"收件者",    "主旨",	   "送信日時",
    "日時",	     "宛先",	  "件名",	"보낸 날짜", "받는 사람",  "제목",
    "נשלח",	     "אל",	  "נושא"};

/* ---- lines ---- */

/* What looks the same is the same: blanks of all kinds, both apostrophes; marks that only say in
 * which direction text runs are left out. Caller frees. */
static char *plain_line(const char *line)
{
	GString *plain = g_string_new(NULL);
	for (; *line != '\0'; line = g_utf8_next_char(line)) {
		const gunichar c = g_utf8_get_char(line);
		const GUnicodeType type = g_unichar_type(c);
		if (type == G_UNICODE_SPACE_SEPARATOR)
			g_string_append_c(plain, ' ');
		else if (c == 0x2019)
			g_string_append_c(plain, '\'');
		else if (type != G_UNICODE_FORMAT)
			g_string_append_unichar(plain, c);
	}
	return g_string_free(plain, FALSE);
}

/* Without blanks around it, folded. Each line of a mail comes here: ASCII is the cheap case. */
static char *fold_line(const char *line)
{
	g_autofree char *copy = g_strstrip(g_strdup(line));
	if (g_str_is_ascii(copy))
		return g_ascii_strdown(copy, -1);
	g_autofree char *plain = plain_line(copy);
	return g_utf8_casefold(g_strstrip(plain), -1);
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
	while (*line != '\0' && (g_unichar_isspace(g_utf8_get_char(line)) ||
				 g_unichar_type(g_utf8_get_char(line)) == G_UNICODE_FORMAT))
		line = g_utf8_next_char(line);
	return *line == '\0';
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
	if (strchr(joined, ':') == NULL && strstr(joined, "：") == NULL)
		return false;
	g_autofree char *folded = fold_line(joined);
	if (!ends_with_colon(folded) || strlen(folded) > ATTRIBUTION_BYTES)
		return false;
	/* Gmail in Russian and some other languages has no verb: date, name and <address>: */
	if (g_str_has_suffix(folded, ">:") && holds_date(folded))
		return true;
	return (strchr(folded, '@') != NULL || holds_date(folded)) &&
	       holds_any(folded, verbs, G_N_ELEMENTS(verbs));
}

/* "On …", "Am …", "3. März …": how an attribution begins with its date. */
static bool begins_date(const char *line)
{
	static const char *const starts[] = {
	    "on ",     "am ",	    "le ",   "el ",   "il ",	    "em ",   "op ",
	    "den ",    "w dniu ",   "dnia ", "dne ",  "dňa ",	    "on: ",  "в ",
	    "στισ ",   "tarihinde", "在",    "at ",   "il giorno ", "a(z) ", "la ",
	    "no dia ", "a ",	    "на ",   "pada ", "vào ",	    "às ",
	};
	g_autofree char *folded = fold_line(line);
	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
		if (g_str_has_prefix(folded, starts[i]))
			return true;
	}
	return g_ascii_isdigit(*folded);
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
	g_autofree char *folded = fold_line(line);
	if (*folded == '\0' || strchr(".!?", folded[strlen(folded) - 1]) == NULL)
		return false;
	return !g_str_has_suffix(folded, "m.") || next == NULL || begins_date(next);
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
		if (joined->len > 2 * ATTRIBUTION_BYTES || ends_sentence(lines[i], lines[i + 1]))
			return 0;
		g_string_append_c(joined, ' ');
	}
	return 0;
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

/* From: and at least two of the others that follow it. Or in another order, "Sent:" first: then
 * From: has an address, and no empty line stands between them. */
static bool is_header_block(char *const *lines)
{
	const bool first = header_is(lines[0], from_names, G_N_ELEMENTS(from_names));
	bool from = first;
	size_t others = first ? 0 : 1;
	if (!first && !header_is(lines[0], other_names, G_N_ELEMENTS(other_names)))
		return false;
	for (size_t i = 1; i < BLOCK_LINES && lines[i] != NULL; i++) {
		if (!first && is_blank(lines[i]))
			break;
		if (header_is(lines[i], other_names, G_N_ELEMENTS(other_names)))
			others++;
		else if (strchr(lines[i], '@') != NULL)
			from = from || header_is(lines[i], from_names, G_N_ELEMENTS(from_names));
	}
	return from && others >= 2;
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
