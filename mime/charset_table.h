/*
 * charset_table.h - which charsets are known, under which names. Included by charset.c only.
 *
 * `converter` is glibc's name; `aliases` are in lower case, without punctuation. Each line costs
 * some 0.2 ms and 4 kB at start, so what mail of the last decades does not use is left out.
 */
#ifndef MIME_CHARSET_TABLE_H
#define MIME_CHARSET_TABLE_H

#include "mime/charset.h"

#include <stdbool.h>

static const struct charset_row {
	const char *name;
	const char *converter;
	const char *aliases;
	bool multibyte;
	enum charset_shift_kind shift;
} charset_rows[] = {
    {"utf-8", "UTF-8", "utf8 utf8mb4 unicode11utf8 cp65001 xutf8", true, SHIFT_NONE},
    {"us-ascii", "UTF-8",
     "usascii ascii 7bit ansix341968 ansix341986 iso646us us 646 cp367 ibm367 csascii isoir6",
     false, SHIFT_NONE},
    {"windows-1252", "CP1252",
     "windows1252 cp1252 iso88591 iso885911987 latin1 l1 isolatin1 ansi win1252 xcp1252 ibm819 "
     "cp819 "
     "csisolatin1 isoir100 88591 iso8859",
     false, SHIFT_NONE},
    {"windows-1250", "CP1250", "windows1250 cp1250 xcp1250 win1250", false, SHIFT_NONE},
    {"windows-1251", "CP1251", "windows1251 cp1251 xcp1251 win1251", false, SHIFT_NONE},
    {"windows-1253", "CP1253", "windows1253 cp1253 win1253", false, SHIFT_NONE},
    {"windows-1254", "CP1254",
     "windows1254 cp1254 win1254 iso88599 iso885991989 latin5 csisolatin5 isoir148", false,
     SHIFT_NONE},
    {"windows-1255", "CP1255", "windows1255 cp1255 win1255", false, SHIFT_NONE},
    {"windows-1256", "CP1256", "windows1256 cp1256 win1256", false, SHIFT_NONE},
    {"windows-1257", "CP1257", "windows1257 cp1257 win1257", false, SHIFT_NONE},
    {"windows-1258", "CP1258", "windows1258 cp1258 win1258", false, SHIFT_NONE},
    {"iso-8859-2", "ISO-8859-2", "iso88592 iso885921987 latin2 l2 csisolatin2 88592", false,
     SHIFT_NONE},
    {"iso-8859-3", "ISO-8859-3", "iso88593 iso885931988 latin3", false, SHIFT_NONE},
    {"iso-8859-4", "ISO-8859-4", "iso88594 iso885941988 latin4", false, SHIFT_NONE},
    {"iso-8859-5", "ISO-8859-5", "iso88595 iso885951988 cyrillic csisolatincyrillic", false,
     SHIFT_NONE},
    {"iso-8859-6", "ISO-8859-6", "iso88596 iso885961987 arabic iso88596i iso88596e", false,
     SHIFT_NONE},
    {"iso-8859-7", "ISO-8859-7", "iso88597 iso885971987 greek csisolatingreek", false, SHIFT_NONE},
    {"iso-8859-8", "ISO-8859-8", "iso88598 iso885981988 hebrew iso88598i iso88598e logical", false,
     SHIFT_NONE},
    {"iso-8859-10", "ISO-8859-10", "iso885910 latin6", false, SHIFT_NONE},
    {"iso-8859-13", "ISO-8859-13", "iso885913 latin7", false, SHIFT_NONE},
    {"iso-8859-14", "ISO-8859-14", "iso885914 latin8", false, SHIFT_NONE},
    {"iso-8859-15", "ISO-8859-15", "iso885915 latin9 latin0 885915", false, SHIFT_NONE},
    {"iso-8859-16", "ISO-8859-16", "iso885916 latin10", false, SHIFT_NONE},
    {"windows-874", "CP874", "windows874 cp874 tis620 tis6200 iso885911 dos874", false, SHIFT_NONE},
    {"koi8-r", "KOI8-R", "koi8r koi8 koi cskoi8r", false, SHIFT_NONE},
    {"koi8-u", "KOI8-U", "koi8u koi8ru", false, SHIFT_NONE},
    {"gb18030", "GB18030",
     "gb18030 gb2312 gbk euccn cp936 ms936 windows936 gb231280 csgb2312 xgbk xeuccn chinese "
     "isoir58",
     true, SHIFT_NONE},
    {"hz-gb-2312", "GB18030", "hzgb2312 hz", true, SHIFT_HZ},
    {"big5", "BIG5-HKSCS", "big5 big5hkscs cp950 big5eten xxbig5 csbig5 cnbig5 windows950", true,
     SHIFT_NONE},
    {"shift_jis", "CP932",
     "shiftjis sjis xsjis cp932 ms932 windows31j mskanji csshiftjis cswindows31j xshiftjis ibm943",
     true, SHIFT_NONE},
    {"euc-jp", "EUC-JP-MS", "eucjp eucjpms eucjpwin cp51932 xeucjp xeuc cseucpkdfmtjapanese ujis",
     true, SHIFT_NONE},
    {"iso-2022-jp", "EUC-JP-MS",
     "iso2022jp iso2022jp1 iso2022jp2 iso2022jp3 iso2022jp2004 iso2022jpms cp50220 cp50221 cp50222 "
     "csiso2022jp jis",
     true, SHIFT_JIS},
    {"euc-kr", "UHC",
     "euckr uhc cp949 ms949 windows949 ksc56011987 ksc5601 ksc56011989 korean cseuckr "
     "csksc56011987 "
     "isoir149 xwindows949",
     true, SHIFT_NONE},
    {"iso-2022-kr", "ISO-2022-KR", "iso2022kr csiso2022kr", true, SHIFT_NONE},
    {"utf-7", "UTF-7", "utf7 unicode11utf7 xunicode20utf7", true, SHIFT_NONE},
    {"utf-16", "UTF-16", "utf16 ucs2 iso10646ucs2 unicode", true, SHIFT_NONE},
    {"utf-16le", "UTF-16LE", "utf16le ucs2le", true, SHIFT_NONE},
    {"utf-16be", "UTF-16BE", "utf16be ucs2be", true, SHIFT_NONE},
    {"utf-32", "UTF-32", "utf32 ucs4 iso10646ucs4", true, SHIFT_NONE},
    {"ibm437", "IBM437", "ibm437 cp437 437 dosus", false, SHIFT_NONE},
    {"ibm850", "IBM850", "ibm850 cp850 850 doslatin1", false, SHIFT_NONE},
    {"ibm852", "IBM852", "ibm852 cp852 852", false, SHIFT_NONE},
    {"ibm855", "IBM855", "ibm855 cp855 855", false, SHIFT_NONE},
    {"ibm866", "IBM866", "ibm866 cp866 866 csibm866", false, SHIFT_NONE},
    {"macintosh", "MACINTOSH", "macintosh mac macroman xmacroman", false, SHIFT_NONE},
    {"x-mac-cyrillic", "MAC-CYRILLIC", "xmaccyrillic maccyrillic macukraine xmacukrainian", false,
     SHIFT_NONE},
    {"x-mac-ce", "MAC-CENTRALEUROPE", "xmacce macce maccentraleurope", false, SHIFT_NONE},
    {"viscii", "VISCII", "viscii csviscii viscii11", false, SHIFT_NONE},
    {"tcvn", "TCVN", "tcvn tcvn57121 tcvn5712", false, SHIFT_NONE},
};

#endif
