/* Reads what mail servers write for people: which recipients failed, and why. Knows no program in
 * particular: an address that begins a line counts more than one within a line about recipients, and
 * that more than any other. */
#include "mime/auto_class.h"

#include "mime/address.h"
#include "mime/bounce_words.h"

#include <string.h>

enum rank { RANK_NONE, RANK_ANY, RANK_LABELLED, RANK_LEADING };

/* A recipient that a line may mean. */
struct candidate {
	char *address;
	enum rank rank;
	guint line;
	const char *after; /* behind the address, in its line */
};

static void candidate_clear(void *candidate)
{
	g_free(((struct candidate *)candidate)->address);
}

static bool holds(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* --- what the server wrote, and what it quotes ---------------------------------- */

static const char *skip_ornament(const char *line)
{
	while (*line && !g_ascii_isalnum(*line) && !((unsigned char)*line & 0x80))
		line++;
	return line;
}

/* Does the returned message begin here? */
static bool is_cut(const char *line)
{
	const char *words = skip_ornament(line);

	if (g_ascii_strncasecmp(line, "received:", 9) == 0 ||
	    g_ascii_strncasecmp(line, "return-path:", 12) == 0)
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(bounce_cuts); i++)
		if (g_ascii_strncasecmp(words, bounce_cuts[i], strlen(bounce_cuts[i])) == 0)
			return true;
	return false;
}

/* The lines before the returned message; a text that begins with one has no others. */
static char **own_lines(const char *text)
{
	char **lines = g_strsplit(text, "\n", 2000);
	bool has_words = false;

	for (guint i = 0; lines[i]; i++) {
		if (has_words && is_cut(lines[i])) {
			for (guint rest = i; lines[rest]; rest++)
				g_free(lines[rest]);
			lines[i] = NULL;
			break;
		}
		has_words = has_words || *skip_ornament(lines[i]);
	}
	return lines;
}

/* In lower case, with single blanks: lines are broken anywhere. */
static char *flat(char **lines)
{
	g_autofree char *joined = g_strjoinv(" ", lines);
	g_autofree char *folded = g_utf8_strdown(joined, -1);
	GString *text = g_string_sized_new(strlen(folded));

	for (const char *c = folded; *c; c++)
		if (!g_ascii_isspace(*c) || (c[1] && !g_ascii_isspace(c[1])))
			g_string_append_c(text, g_ascii_isspace(*c) ? ' ' : *c);
	return g_string_free(text, FALSE);
}

char *bounce_text_phrase(const char *text, bool is_certain)
{
	g_auto(GStrv) lines = own_lines(text);
	g_autofree char *words = flat(lines);

	for (size_t i = 0; i < G_N_ELEMENTS(bounce_phrases); i++)
		if (strstr(words, bounce_phrases[i]))
			return g_strdup(bounce_phrases[i]);
	return is_certain ? bounce_status_find(words) : NULL;
}

/* --- recipients ----------------------------------------------------------------- */

/* "* ", ">>> ", "<", quotes, "554 ": what may stand before an address at the beginning of a line. */
static bool is_before_address(const char *line, size_t length)
{
	static const char ornament[] = " \t*>-<\"'(=:#";
	size_t begin = strspn(line, ornament);

	if ((line[begin] == '4' || line[begin] == '5') && strspn(line + begin, "0123456789") == 3)
		begin += 3 + strspn(line + begin + 3, ornament);
	return begin >= length;
}

/* An address that is a part of another text, as a name of a machine or of a message. */
static bool is_plain_address(const char *address)
{
	const char *at = strrchr(address, '@');

	return at && at > address && at[1] && strlen(address) < 255 && !strpbrk(address, "/=<>\\");
}

static enum rank rank_of(const char *line, const char *folded, const struct address_bare *found)
{
	const char *after = line + found->end;

	after += strspn(after, ">\"'");
	if (is_before_address(line, found->begin) &&
	    (*after == '\0' || strchr(" \t:,;.()[<", *after)))
		return RANK_LEADING;
	if (holds(folded, bounce_others, G_N_ELEMENTS(bounce_others)))
		return RANK_NONE;
	return holds(folded, bounce_recipients, G_N_ELEMENTS(bounce_recipients)) ? RANK_LABELLED
										 : RANK_ANY;
}

/* Sender and reader of the bounce are no recipients of what came back. */
static bool is_own(const char *address, const char *own)
{
	g_autofree char *folded = g_ascii_strdown(address, -1);

	return strstr(own, folded) != NULL;
}

static void line_read(char **lines, guint number, const char *own, GArray *candidates)
{
	const char *line = lines[number];
	g_autofree char *folded = g_ascii_strdown(line, -1);
	struct address_bare found;

	for (size_t from = 0; address_bare_find(line, from, &found); from = found.end) {
		g_autofree char *address =
		    address_bare_clean(line + found.begin, found.end - found.begin);
		enum rank rank = rank_of(line, folded, &found);
		bool is_titled = rank == RANK_LEADING && strchr(">:", line[found.end]);
		if (rank == RANK_NONE || !is_plain_address(address) ||
		    (!is_titled && is_own(address, own)))
			continue;
		struct candidate candidate = {.address = g_steal_pointer(&address),
					      .rank = rank,
					      .line = number,
					      .after = line + found.end};
		g_array_append_val(candidates, candidate);
		if (candidates->len >= 2 * BOUNCES_MAX)
			return;
	}
}

/* --- why ------------------------------------------------------------------------ */

static const char *skip_after(const char *after)
{
	return after + strspn(after, "> \t:.,;\"'");
}

/* What follows the address, down to the next one that begins a line, or to a blank line. */
static char *diagnostic_of(char **lines, const struct candidate *candidate, guint next_line)
{
	GString *said = g_string_new(skip_after(candidate->after));

	for (guint i = candidate->line + 1; i < next_line && lines[i]; i++) {
		bool is_blank = *skip_ornament(lines[i]) == '\0';
		if (is_blank && said->len > 0)
			break;
		if (is_blank)
			continue;
		if (said->len > 0)
			g_string_append_c(said, ' ');
		g_string_append(said, lines[i] + strspn(lines[i], " \t"));
		if (said->len > BOUNCE_LINE_MAX)
			break;
	}
	return g_string_free(said, FALSE);
}

/* The first line that has a code. */
static char *coded_line(char **lines)
{
	for (guint i = 0; lines[i]; i++) {
		g_autofree char *status = bounce_status_find(lines[i]);
		if (status)
			return g_strdup(lines[i]);
	}
	return NULL;
}

static bool is_delay(const char *words)
{
	static const char *const later[] = {
	    "will be retried",
	    "will keep trying",
	    "not yet been delivered",
	    "will retry",
	    "has been delayed",
	    "is delayed",
	    "do not need to resend",
	    "delivery delayed",
	    "mailbox is full",
	    "mailbox full",
	    "over quota",
	    "quota exceeded",
	    "mailbox exceeds",
	    "mailfolder is full",
	    "retry for another",
	    "exceeded storage",
	};

	return holds(words, later, G_N_ELEMENTS(later));
}

static void row_add(char **lines, const char *words, const struct candidate *candidate,
		    guint next_line, GArray *rows)
{
	struct mime_bounce row = {.address = g_strdup(candidate->address)};
	g_autofree char *said = diagnostic_of(lines, candidate, next_line);

	row.status = bounce_status_find(said);
	if (!row.status) {
		g_autofree char *line = coded_line(lines);
		row.status = line ? bounce_status_find(line) : NULL;
		if (line && row.status) {
			g_free(said);
			said = g_steal_pointer(&line);
		}
	}
	row.diagnostic = g_steal_pointer(&said);
	bounce_row_add(rows, &row,
		       (!row.status || g_str_has_suffix(row.status, ".0.0")) && is_delay(words));
}

/* Is the candidate one that X-Failed-Recipients names? */
static bool is_named(const struct candidate *candidate, const char *failed)
{
	return !failed || strstr(failed, candidate->address) != NULL;
}

static guint next_line_of(const GArray *candidates, guint index, enum rank rank)
{
	const struct candidate *this = &g_array_index(candidates, struct candidate, index);

	for (guint i = index + 1; i < candidates->len; i++) {
		const struct candidate *next = &g_array_index(candidates, struct candidate, i);
		if (next->rank == rank && next->line > this->line &&
		    strcmp(next->address, this->address) != 0)
			return next->line;
	}
	return G_MAXUINT;
}

/* Those of the highest rank; of the lowest one only the first. */
static void candidates_add(char **lines, const char *words, const char *failed,
			   const GArray *candidates, GArray *rows)
{
	enum rank best = RANK_NONE;

	for (guint i = 0; i < candidates->len; i++) {
		const struct candidate *candidate = &g_array_index(candidates, struct candidate, i);
		if (is_named(candidate, failed))
			best = MAX(best, candidate->rank);
	}
	for (guint i = 0; i < candidates->len; i++) {
		const struct candidate *candidate = &g_array_index(candidates, struct candidate, i);
		if (candidate->rank == best && is_named(candidate, failed))
			row_add(lines, words, candidate, next_line_of(candidates, i, best), rows);
		if (best == RANK_ANY && rows->len > 0)
			break;
	}
}

/* Those that the field names and the text does not. */
static void failed_add(char **lines, const char *words, const char *failed, GArray *rows)
{
	g_auto(GStrv) names = g_strsplit(failed, ",", BOUNCES_MAX);

	for (guint i = 0; names[i]; i++) {
		struct candidate candidate = {
		    .address = g_strstrip(names[i]), .line = G_MAXUINT - 1, .after = ""};
		if (strchr(candidate.address, '@'))
			row_add(lines, words, &candidate, 0, rows);
	}
}

/* --- as JSON -------------------------------------------------------------------- */

/* The string value behind "name": at or behind `at`, before `end`; NULL where there is none. A value with an
 * escaped quote ends there. */
static char *json_text(const char *at, const char *end, const char *name)
{
	g_autofree char *key = g_strdup_printf("\"%s\":\"", name);
	const char *value = g_strstr_len(at, end - at, key);

	if (!value)
		return NULL;
	value += strlen(key);
	return g_strndup(value, strcspn(value, "\""));
}

/* JSON in a JSON string, too. */
static char *without_backslashes(const char *text)
{
	GString *plain = g_string_sized_new(strlen(text));

	for (const char *c = text; *c; c++)
		if (*c != '\\')
			g_string_append_c(plain, *c);
	return g_string_free(plain, FALSE);
}

/* What Amazon SES reports by SNS. */
static void json_read(const char *escaped, GArray *rows)
{
	if (!strstr(escaped, "bouncedRecipients"))
		return;
	g_autofree char *text = without_backslashes(escaped);
	const char *list = strstr(text, "\"bouncedRecipients\":[");
	const char *end = list ? strchr(list, ']') : NULL;

	for (const char *at = list; end && at < end && rows->len < BOUNCES_MAX;) {
		const char *next = g_strstr_len(at, end - at, "}");
		if (!next)
			break;
		struct mime_bounce row = {.address = json_text(at, next, "emailAddress"),
					  .status = json_text(at, next, "status"),
					  .diagnostic = json_text(at, next, "diagnosticCode")};
		bounce_row_add(rows, &row, strstr(text, "\"bounceType\":\"Transient\"") != NULL);
		at = next + 1;
	}
}

void bounce_text_read(const char *text, const char *failed, const char *own, GArray *rows)
{
	g_auto(GStrv) lines = own_lines(text);
	g_autofree char *words = flat(lines);
	GArray *candidates = g_array_new(FALSE, FALSE, sizeof(struct candidate));

	g_array_set_clear_func(candidates, candidate_clear);
	json_read(text, rows);
	for (guint i = 0; lines[i] && rows->len == 0 && candidates->len < 2 * BOUNCES_MAX; i++)
		if (strchr(lines[i], '@'))
			line_read(lines, i, own, candidates);
	candidates_add(lines, words, failed, candidates, rows);
	if (failed)
		failed_add(lines, words, failed, rows);
	g_array_unref(candidates);
}
