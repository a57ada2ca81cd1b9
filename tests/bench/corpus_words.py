"""What the mail of the benchmarks is made of: languages, charsets, names, kinds of files."""

from typing import NamedTuple


class TextKind(NamedTuple):
    language: str
    charset: str
    transfer_encoding: str
    weight: int


class FileKind(NamedTuple):
    extension: str
    content_type: str
    magic: bytes
    weight: int


WORDS = {language: text.split() for language, text in {
    "en": "ticket invoice order delivery customer support request please thank urgent regarding attached document "
          "payment account password reset shipping error screenshot version update problem contract offer meeting "
          "schedule printer network server database backup license renewal quote damaged return refund warranty "
          "address number phone between should would could because without after before",
    "de": "Rechnung Auftrag Lieferung Kunde Anfrage bitte Danke dringend bezüglich Anhang Zahlung Konto Passwort "
          "zurücksetzen Versand Fehler Störung Vertrag Angebot Termin Drucker Netzwerk Straße Größe für über können "
          "müßte Übersicht möglich Gerät prüfen Rückgabe Gewährleistung",
    "fr": "facture commande livraison client demande merci urgent concernant pièce jointe paiement compte "
          "réinitialiser expédition erreur problème contrat offre réunion imprimante réseau élève déjà à où être "
          "français garçon cœur naïve",
    "ru": "счёт заказ доставка клиент запрос пожалуйста спасибо срочно относительно вложение оплата пароль ошибка "
          "договор предложение встреча принтер сеть сервер адрес номер телефон",
    "el": "τιμολόγιο παραγγελία παράδοση πελάτης αίτημα παρακαλώ ευχαριστώ επείγον σχετικά συνημμένο πληρωμή "
          "λογαριασμός σφάλμα",
    "ja": "請求書 注文 配送 お客様 お問い合わせ お願いします ありがとう 至急 添付 支払い パスワード エラー 契約 見積 会議",
    "zh": "发票 订单 交货 客户 请求 谢谢 紧急 附件 付款 账户 密码 错误 合同 报价 会议 打印机 网络",
}.items()}
UNSPACED = {"ja", "zh"}

TEXT_KINDS = [
    TextKind("en", "us-ascii", "7bit", 30),
    TextKind("en", "utf-8", "quoted-printable", 10),
    TextKind("en", "utf-8", "7bit", 6),
    TextKind("de", "utf-8", "quoted-printable", 12),
    TextKind("de", "utf-8", "8bit", 8),
    TextKind("de", "iso-8859-1", "quoted-printable", 7),
    TextKind("de", "windows-1252", "8bit", 4),
    TextKind("de", "utf-8", "base64", 4),
    TextKind("fr", "iso-8859-15", "quoted-printable", 4),
    TextKind("fr", "utf-8", "quoted-printable", 4),
    TextKind("ru", "koi8-r", "base64", 2),
    TextKind("ru", "windows-1251", "8bit", 1),
    TextKind("ru", "utf-8", "base64", 2),
    TextKind("el", "iso-8859-7", "quoted-printable", 1),
    TextKind("ja", "iso-2022-jp", "7bit", 2),
    TextKind("ja", "shift_jis", "base64", 1),
    TextKind("zh", "gb18030", "base64", 1),
    TextKind("zh", "utf-8", "base64", 1),
]
PLAIN_ENGLISH = TEXT_KINDS[0]

FILE_KINDS = [
    FileKind("pdf", "application/pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", 40),
    FileKind("png", "image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 20),
    FileKind("jpg", "image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0", 15),
    FileKind("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
             b"PK\x03\x04\x14\0\x06\0", 12),
    FileKind("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
             b"PK\x03\x04\x14\0\x06\0", 8),
    FileKind("zip", "application/zip", b"PK\x03\x04", 3),
    FileKind("bin", "application/octet-stream", b"", 2),
]
PICTURE = FILE_KINDS[1]

FILE_NAMES = ["scan_%d", "Rechnung_%d", "Auftragsbestätigung Nr. %d", "screenshot-%d", "Größe & Maße %d", "счёт_%d",
              "見積書%d", "Document (%d)",
              "a very long attachment file name that does not fit on one line of a header field %d"]
PEOPLE = ["Support Desk", "Jürgen Müller", "Élodie Brûlé", "Иван Петров", "山田 太郎", "Order Service",
          "Smith, John (Sales)", "Anna Schmidt", "Λουκία Παπαδάκη", "info"]
DOMAINS = ("example.org", "example.com", "kunde.example.net")
SUBJECTS = ["Re: [Ticket#%d] printer is not working", "Rechnung Nr. %d – bitte prüfen",
            "Anfrage %d: Störung im Netzwerk, können Sie kurz zurückrufen?", "Order %d",
            "[#%d] Запрос на возврат товара", "お問い合わせ %d", "AW: AW: WG: Gerät %d defekt"]
