//! The words around codes, by language. Tables only.
//!
//! Every word is in lower case and composed. `label` says how each table is used.

use WordEdge::{Any, Start, Whole};
use WordKind::{Code, Password, Sure, Weak};

/// The kind of an announcing word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordKind {
    /// "code": another word beside it may give it another meaning, as in "zip code".
    Code,
    /// It means a one-time code whatever stands beside it.
    Sure,
    /// "password": a code only with a word such as "one-time".
    Password,
    /// "sign in": a number that stands alone near it may be a code.
    Weak,
}

/// Which octets may come before and after an announcing word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordEdge {
    /// Any: the word is part of compounds.
    Any,
    /// No letter before it.
    Start,
    /// A whole word.
    Whole,
}

/// An announcing word with its weight. One that is not ASCII stands here in every case that occurs.
pub(super) struct AnnouncingWord(pub &'static str, pub i32, pub WordKind, pub WordEdge);

/// Searched in every text.
#[rustfmt::skip]
pub(super) static ASCII_WORDS: &[AnnouncingWord] = &[
    AnnouncingWord("code", 60, Code, Any), AnnouncingWord("codig", 60, Code, Start), AnnouncingWord("codic", 60, Code, Start), AnnouncingWord("kod", 58, Code, Any),
    AnnouncingWord("koodi", 58, Code, Any), AnnouncingWord("cod ", 55, Code, Start), AnnouncingWord("codul", 55, Code, Start),
    AnnouncingWord("otp", 65, Sure, Whole), AnnouncingWord("pin", 45, Code, Whole), AnnouncingWord("TAN", 50, Sure, Whole),
    AnnouncingWord("mtan", 50, Sure, Whole), AnnouncingWord("token", 50, Code, Start), AnnouncingWord("passwor", 45, Password, Start),
    AnnouncingWord("passord", 45, Password, Any), AnnouncingWord("kennwort", 45, Password, Any),
    AnnouncingWord("einmalpasswor", 60, Sure, Start), AnnouncingWord("wachtwoord", 45, Password, Any),
    AnnouncingWord("contrase", 45, Password, Start), AnnouncingWord("clave", 45, Password, Start),
    AnnouncingWord("senha", 45, Password, Start), AnnouncingWord("mot de passe", 45, Password, Start),
    AnnouncingWord("heslo", 45, Password, Start), AnnouncingWord("parol", 45, Password, Start),
    AnnouncingWord("sifre", 45, Password, Start), AnnouncingWord("verif", 25, Weak, Start), AnnouncingWord("sign in", 25, Weak, Start),
    AnnouncingWord("log in", 25, Weak, Start), AnnouncingWord("login", 25, Weak, Start), AnnouncingWord("2fa", 25, Weak, Whole),
    AnnouncingWord("two-factor", 25, Weak, Start), AnnouncingWord("one-time", 30, Weak, Start),
    AnnouncingWord("authentic", 25, Weak, Start), AnnouncingWord("ma otp", 65, Sure, Start), AnnouncingWord("ma xac", 60, Sure, Start),
];

/// Searched in text with letters of Latin beside ASCII, or Greek.
#[rustfmt::skip]
pub(super) static LATIN_WORDS: &[AnnouncingWord] = &[
    AnnouncingWord("código", 60, Code, Start), AnnouncingWord("cÓdigo", 60, Code, Start), AnnouncingWord("kód", 58, Code, Any),
    AnnouncingWord("kÓd", 58, Code, Any), AnnouncingWord("mã", 55, Code, Whole), AnnouncingWord("mÃ", 55, Code, Whole),
    AnnouncingWord("hasło", 45, Password, Start), AnnouncingWord("hasŁo", 45, Password, Start), AnnouncingWord("şifre", 45, Password, Start),
    AnnouncingWord("Şifre", 45, Password, Start), AnnouncingWord("mật khẩu", 45, Password, Start),
    AnnouncingWord("lösenord", 45, Password, Any), AnnouncingWord("jelszó", 45, Password, Any), AnnouncingWord("engångslösenord", 60, Sure, Start),
    AnnouncingWord("κωδικ", 60, Code, Start), AnnouncingWord("Κωδικ", 60, Code, Start), AnnouncingWord("ΚΩΔΙΚ", 60, Code, Start),
    AnnouncingWord("vérif", 25, Weak, Start), AnnouncingWord("bestätig", 25, Weak, Start), AnnouncingWord("doğrula", 25, Weak, Start),
    AnnouncingWord("ověř", 25, Weak, Start), AnnouncingWord("xác thực", 25, Weak, Start), AnnouncingWord("xác minh", 25, Weak, Start),
];

/// Searched in text with Cyrillic, Hebrew, Arabic or Indian letters.
#[rustfmt::skip]
pub(super) static MIDDLE_WORDS: &[AnnouncingWord] = &[
    AnnouncingWord("код", 60, Code, Any), AnnouncingWord("Код", 60, Code, Start), AnnouncingWord("КОД", 60, Code, Any),
    AnnouncingWord("пин", 45, Code, Whole), AnnouncingWord("парол", 45, Password, Start), AnnouncingWord("Парол", 45, Password, Start),
    AnnouncingWord("ПАРОЛ", 45, Password, Start), AnnouncingWord("подтвержд", 25, Weak, Start), AnnouncingWord("رمز", 60, Code, Any),
    AnnouncingWord("كود", 60, Code, Any), AnnouncingWord("کد", 55, Code, Whole), AnnouncingWord("رقم التحقق", 60, Sure, Any),
    AnnouncingWord("كلمة المرور", 45, Password, Any), AnnouncingWord("كلمة مرور", 45, Password, Any),
    AnnouncingWord("كلمة السر", 45, Password, Any), AnnouncingWord("التحقق", 25, Weak, Any), AnnouncingWord("קוד", 60, Code, Any),
    AnnouncingWord("סיסמ", 45, Password, Any), AnnouncingWord("कोड", 60, Code, Any), AnnouncingWord("ओटीपी", 65, Sure, Any),
    AnnouncingWord("کوڈ", 55, Code, Any), AnnouncingWord("কোড", 60, Code, Any), AnnouncingWord("குறியீடு", 60, Code, Any),
];

/// Searched in text with letters of three octets: Chinese, Japanese, Korean, Thai, Indian.
#[rustfmt::skip]
pub(super) static EAST_WORDS: &[AnnouncingWord] = &[
    AnnouncingWord("验证码", 70, Sure, Any), AnnouncingWord("驗證碼", 70, Sure, Any), AnnouncingWord("校验码", 65, Sure, Any),
    AnnouncingWord("校驗碼", 65, Sure, Any), AnnouncingWord("确认码", 60, Sure, Any), AnnouncingWord("確認碼", 60, Sure, Any),
    AnnouncingWord("动态码", 65, Sure, Any), AnnouncingWord("動態碼", 65, Sure, Any), AnnouncingWord("安全码", 60, Sure, Any),
    AnnouncingWord("安全碼", 60, Sure, Any), AnnouncingWord("登录码", 60, Sure, Any), AnnouncingWord("登入碼", 60, Sure, Any),
    AnnouncingWord("授权码", 55, Sure, Any), AnnouncingWord("授權碼", 55, Sure, Any), AnnouncingWord("识别码", 55, Sure, Any),
    AnnouncingWord("认证码", 65, Sure, Any), AnnouncingWord("認證碼", 65, Sure, Any), AnnouncingWord("备用码", 55, Sure, Any),
    AnnouncingWord("備用碼", 55, Sure, Any), AnnouncingWord("恢复码", 55, Sure, Any), AnnouncingWord("復原碼", 55, Sure, Any),
    AnnouncingWord("代码", 50, Code, Any), AnnouncingWord("代碼", 50, Code, Any), AnnouncingWord("口令", 50, Password, Any),
    AnnouncingWord("密码", 50, Password, Any), AnnouncingWord("密碼", 50, Password, Any), AnnouncingWord("コード", 58, Code, Any),
    AnnouncingWord("認証番号", 65, Sure, Any), AnnouncingWord("確認番号", 60, Sure, Any), AnnouncingWord("暗証番号", 50, Sure, Any),
    AnnouncingWord("検証番号", 60, Sure, Any), AnnouncingWord("パスワード", 45, Password, Any), AnnouncingWord("인증번호", 70, Sure, Any),
    AnnouncingWord("인증 번호", 70, Sure, Any), AnnouncingWord("확인번호", 60, Sure, Any), AnnouncingWord("확인 번호", 60, Sure, Any),
    AnnouncingWord("보안번호", 60, Sure, Any), AnnouncingWord("코드", 58, Code, Any), AnnouncingWord("비밀번호", 45, Password, Any),
    AnnouncingWord("รหัส", 55, Code, Any), AnnouncingWord("कोड", 60, Code, Any), AnnouncingWord("ओटीपी", 65, Sure, Any),
    AnnouncingWord("认证", 25, Weak, Any), AnnouncingWord("認証", 25, Weak, Any), AnnouncingWord("인증", 25, Weak, Any),
];

/// Makes a password a one-time code: a part of the sentence around it.
#[rustfmt::skip]
pub(super) static ONE_TIME: &[&str] = &[
    "one-time", "one time", "single-use", "single use", "temporary", "einmal", "temporär", "vorläufig", "usage unique",
    "temporaire", "provisoire", "un solo uso", "uso único", "única", "temporal", "monouso", "usa e getta", "temporane",
    "provvisori", "temporári", "provisóri", "eenmalig", "tijdelijk", "jednoraz", "tymczasow", "jednorázov", "dočasn",
    "одноразов", "временн", "tek kullanimlik", "tek seferlik", "geçici", "một lần", "mot lan", "tạm thời", "一次性", "动态", "動態",
    "临时", "臨時", "ワンタイム", "一時", "仮", "일회용", "임시", "لمرة واحدة", "مؤقت", "خاص بالمرة", "engång", "engang",
    "tillfällig", "midlertidig", "kertakäyttö", "unică", "dinámica", "dinamica", "dinâmica", "חד פעמי",
];

/// A word that gives "code" another meaning: directly before it or at the start of its compound,
/// and directly after it, behind at most one of [`OF`]. Words may go on behind the letters given.
#[rustfmt::skip]
pub(super) static OTHER_CODES: &[&str] = &[
    // English
    "zip", "postal", "promo", "discount", "coupon", "voucher", "gift", "referral", "refer", "country", "dial", "error",
    "status", "source", "dress", "barcode", "exit", "swift", "bic", "iban", "color", "colour", "booking", "reservation",
    "itinerary", "airport", "product", "article", "sku", "stock", "order", "customer", "client", "tracking", "shipping",
    "shipment", "tax", "routing", "branch", "building", "hotel", "flight", "unicode", "encode", "decode", "http",
    "response", "reason", "offer", "deal", "savings", "creator", "invit", "qr", "postcode", "pincode", "morse", "vendor",
    "currency", "plus", "language", "subject", "project", "course", "class", "department", "station", "card", "ticket", "parcel",
    "rate", "fare", "cost", "reference", "conduct", "criminal", "civil", "review", "freeze", "sample", "repositor",
    // German, Dutch, Nordic
    "rabatt", "gutschein", "aktions", "buchungs", "kunden", "produkt", "artikel", "fehler", "länder", "reservierung",
    "sendungs", "quell", "farb", "werbe", "vorteils", "vorwahl", "strich", "korting", "boeking", "klant", "reservering",
    "foutcode", "landcode", "actie", "cadeau", "streepjes", "volg", "rabat", "bokning", "kund", "felkod", "lands", "kampanj",
    "presentkort", "värde", "streck", "postnummer", "booknings", "alennus", "varaus",
    // French
    "réduc", "remise", "suivi", "barre", "produit", "pays", "erreur", "parrain", "réserv", "commande", "avantage", "cadeau",
    "couleur", "dossier", "confidentiel de remise", "insee", "ape", "iata",
    // Spanish, Portuguese, Italian
    "descuento", "cupón", "cupom", "reserva", "pedido", "client", "seguimiento", "rastre", "barras", "producto",
    "produto", "desconto", "país", "área", "erro", "referencia", "referência", "localizador", "envío", "envio", "regalo",
    "presente", "vale", "indicação", "sconto", "fiscale", "fiscal", "prenotazion", "ordine", "tracciament", "spedizion",
    "prodotto", "errore", "paese", "barre", "univoco", "destinatario", "amico", "iban", "cliente", "ética", "conducta",
    "postale", "encomenda", "agendamento",
    // Polish, Czech
    "poczt", "rezerw", "kresk", "zniżk", "kraju", "produktu", "błędu", "klienta", "paczki", "odbioru paczki", "zamówieni",
    "kierunkow", "pošt", "slev", "rezerva", "zásilk", "čárov", "chyb", "zákaz", "země", "objedn", "produktov",
    // Russian, Ukrainian
    "промо", "скидк", "купон", "брон", "отслеж", "товар", "заказ", "клиент", "штрих", "почтов", "стран", "ошибк", "трек",
    "региона", "города", "исходн", "поштов", "знижк",
    // Turkish
    "indirim", "kupon", "posta", "rezervasyon", "takip", "ürün", "sipariş", "müşteri", "kargo", "hata", "ülke", "alan",
    "promosyon", "kampanya", "pnr", "hediye", "davet", "barkod", "kaynak", "gönderi",
    // Vietnamese
    "giảm giá", "khuyến mãi", "khuyến mại", "ưu đãi", "đơn hàng", "đơn", "vận đơn", "đặt chỗ", "đặt vé", "đặt phòng",
    "khách hàng", "số thuế", "bưu", "sản phẩm", "chuyến", "vùng", "vạch", "lỗi", "học", "nhân viên", "giao dịch", "giới thiệu",
    "hóa đơn", "tham chiếu", "hợp đồng",
    // Chinese, Japanese, Korean, Thai
    "优惠", "優惠", "折扣", "邮政", "郵政", "订单", "訂單", "错误", "錯誤", "商品", "产品", "源", "股票", "机场",
    "クーポン", "割引", "プロモーション", "バー", "予約", "エラー", "国", "qr", "ドレス", "キャンペーン", "紹介", "追跡",
    "ソース", "招待", "会社", "銀行", "郵便", "ギフト", "할인", "쿠폰", "상품", "오류", "바", "예약", "추천", "프로모션", "국가",
    "초대", "주문", "소스", "기프트", "ไปรษณีย์", "ส่วนลด", "สินค้า",
    // Arabic, Hebrew
    "الخصم", "خصم", "البريدي", "بريدي", "الحجز", "حجز", "الطلب", "المنتج", "الشحن", "التتبع", "الدولة", "الخطأ", "القسيمة",
    "كوبون", "البلد", "الترويج", "ترويجي", "המוצר", "הזמנה", "קופון", "הנחה", "מיקוד",
];

/// As [`OTHER_CODES`], but only as whole words.
#[rustfmt::skip]
pub(super) static OTHER_CODES_WHOLE: &[&str] = &[
    "post", "bar", "area", "sort", "item", "fel", "fout", "of", "cap",
];

/// Small words between "code" and the word that says which.
#[rustfmt::skip]
pub(super) static OF: &[&str] = &[
    "de", "del", "di", "da", "do", "dos", "des", "du", "la", "le", "della", "dell", "d", "van", "của", "af", "av", "à",
    "za", "pro", "на", "для", "de la", "so", "số",
];

/// Words before a number that give the number another meaning. Each is a whole word.
#[rustfmt::skip]
pub(super) static NOT_CODES: &[&str] = &[
    // English
    "order", "invoice", "ticket", "zip", "room", "case", "ref", "reference", "phone", "tel", "telephone", "mobile", "fax",
    "ext", "extension", "version", "rfc", "iso", "suite", "flight", "copyright", "since", "box", "tracking", "account",
    "receipt", "customer", "parcel", "shipment", "booking", "reservation", "call", "call us", "dial", "hotline",
    "helpline", "whatsapp", "year", "sku", "model", "serial", "item", "build", "policy", "claim",
    "membership", "transaction", "payment", "contract", "license", "licence", "vat", "tax", "iban",
    "sort code", "zip code", "postal code", "postcode", "pincode", "area code", "promo code", "discount code", "gate",
    "seat", "train", "bus", "line", "apt", "apartment", "unit", "floor", "street", "avenue", "usd", "eur", "gbp", "inr",
    "rs", "chf", "cad", "aud", "jpy", "total", "amount", "price", "id", "user id", "meeting id", "webinar id",
    "conference id", "issue", "pr", "pull request", "bug", "request", "incident", "commit", "revision", "rev", "stop to", "help to", "ends in",
    "ending in", "ending with", "card", "over", "about", "around", "more than", "nearly", "up to", "from", "postbox",
    "for example", "e.g", "eg", "such as", "example", "sample",
    // German
    "bestellung", "rechnung", "auftrag", "vorgang", "aktenzeichen", "telefon", "postfach", "plz", "postleitzahl", "flug",
    "zimmer", "kunde", "verwendungszweck", "vertrag", "sendung", "paket", "seit", "jahr", "gleis", "zug", "artikel", "konto",
    "buchung", "ticketnr", "kfz", "ust", "z.b", "zum beispiel", "endet auf", "packstation", "durchwahl", "mobil", "referenz",
    // French
    "commande", "facture", "colis", "suivi", "téléphone", "tél", "vol", "client", "dossier", "numéro", "référence", "réf",
    "réservation", "appelez le", "siret", "siren", "rcs", "bp", "contrat", "compte", "billet", "devis", "par exemple",
    // Spanish, Portuguese, Italian
    "pedido", "factura", "fatura", "número", "envío", "vuelo", "voo", "teléfono", "telefone", "cliente", "referencia",
    "referência", "reserva", "cep", "cp", "cif", "nif", "cnpj", "cpf", "nota fiscal", "boleto", "protocolo", "cuenta", "conta",
    "contrato", "localizador", "código postal", "código do cliente", "código de cliente", "cupom", "seguimiento",
    "rastreamento", "rastreio", "al", "por ejemplo", "por exemplo", "llame al", "ordine", "fattura", "spedizione",
    "numero", "volo", "telefono", "prenotazione", "conto", "contratto", "cap", "pratica", "p.iva", "p. iva", "bolletta",
    "ad esempio", "riferimento", "atención al cliente", "atendimento",
    // Dutch, Nordic
    "factuur", "klant", "vlucht", "telefoon", "kamer", "zending", "pakket", "rekening", "kenmerk", "bel", "kvk",
    "order", "faktura", "beställning", "flyg", "ordre", "pakke", "konto", "kundtjänst", "kundservice", "fly", "lento", "tilaus",
    // Polish, Czech
    "numer", "zamówienie", "zamówienia", "faktury", "przesyłki", "paczki", "lot", "telefon", "nip", "regon", "konta", "klienta",
    "infolinia", "rezerwacji", "umowy", "nr", "číslo", "objednávka", "objednávky", "objednávce", "zásilky", "faktuře", "fakturu",
    "let", "psč", "ičo", "dič", "symbol", "účtu", "zákazníka", "linka", "smlouvy", "rezervace", "zamówieniu", "tel",
    // Russian
    "номер", "заказ", "заказа", "заказу", "заказе", "счёт", "счет", "счёта", "счета", "рейс", "посылка", "отправление", "инн", "кпп",
    "огрн", "индекс", "телефон", "тел", "договор", "договора", "билет", "бронь", "бронирование", "код бронирования", "трек-номер",
    "поддержки", "заявка", "обращение", "например", "карта", "карты", "промокод",
    // Turkish
    "sipariş", "fatura", "numarasi", "numara", "uçuş", "telefon", "müşteri", "rezervasyon", "hizmetleri", "kargo", "hesap",
    "örneğin", "takip",
    // Vietnamese
    "đơn hàng", "hóa đơn", "hoá đơn", "chuyến bay", "điện thoại", "hotline", "tổng đài", "vận đơn", "khách hàng", "số thuế",
    "tài khoản", "hợp đồng", "mã đơn hàng", "đt", "sđt", "ví dụ",
    // Arabic, Hebrew
    "رقم", "الطلب", "طلب", "الفاتورة", "فاتورة", "الشحنة", "العميل", "رحلة", "هاتف", "الهاتف", "العملاء", "الحساب", "الحجز", "للطلب",
    "مثال", "הזמנה", "חשבונית", "טלפון", "מספר",
];

/// As [`NOT_CODES`], but also as the end of a longer word.
#[rustfmt::skip]
pub(super) static NOT_CODES_END: &[&str] = &[
    "nummer", "numret", "numero", "sendungsnr", "kundennr", "bestellnr", "rechnungsnr", "auftragsnr", "numarali", "numarasi",
    "numaraniz", "号", "號", "号码", "號碼", "编号", "編號", "邮编", "郵遞區號", "郵便番号", "番号", "便名", "航班", "电话", "電話", "번호", "항공편",
    "고객센터", "우편번호", "〒", "№", "型番", "金额", "金額", "금액", "客服", "例如", "例えば", "예를 들어", "優惠碼", "优惠码", "クーポンコード",
    "단가", "列车", "班次", "수량", "房间", "満", "满", "รหัสไปรษณีย์", "โทร",
];

/// Small words between such a word and its number.
#[rustfmt::skip]
pub(super) static FILLERS: &[&str] = &[
    "number", "no", "nr", "num", "n", "nº", "n°", "№", "is", "ist", "lautet", "est", "es", "è", "é", "to", "je", "är", "er", "the",
    "số", "so", "no.", "nummer", "numbers", "ids", "id", "was", "č", "čís", "is:", "هو", "هي", "은", "는", "は", "为", "為", "是", "our",
    "your", "le", "el", "il", "us", "us at", "at",
];

/// Units and currencies behind a number.
#[rustfmt::skip]
pub(super) static UNITS: &[&str] = &[
    "%", "€", "$", "£", "¥", "₽", "₺", "₫", "₩", "°", "usd", "eur", "gbp", "chf", "pln", "zł", "kč", "czk", "kr", "sek", "nok",
    "dkk", "tl", "try", "руб", "vnd", "đồng", "円", "元", "원", "ريال", "درهم", "جنيه", "kg", "km", "ml", "mb", "gb", "kb",
    "points", "tokens", "tickets", "punkte", "miles", "items", "years", "people", "users", "minutes", "minuten", "minutos", "minuti", "hours",
    "days", "tage", "jours", "días", "dias", "steps", "followers", "views", "words", "characters", "年", "年度", "万", "個", "개",
    "人", "명", "kcal", "kwh", "m²", "sq", "euro", "euros", "dollars", "reais", "złotych", "korun", "numarali",
];

/// Words of validity: a number behind them is a time.
#[rustfmt::skip]
pub(super) static VALIDITY: &[&str] = &[
    "expire", "valid", "until", "within", "gültig", "innerhalb", "läuft ab", "valable", "caduca", "válid", "vence",
    "scade", "geldig", "verloopt", "ważny", "ważne", "wygasa", "platí", "platnost", "действ", "истека", "geçerli",
    "hiệu lực", "有効", "有效", "유효", "صالح", "gäller", "giltig", "gælder", "gyldig", "upphör", " since ", " in 20",
];

/// Words that put a code behind all others: it is for another day.
#[rustfmt::skip]
pub(super) static BACKUP: &[&str] = &[
    "backup", "back-up", "recovery", "reserve code", "emergency", "spare", "ersatz", "wiederherstellung", "notfall", "secours",
    "récupération", "respaldo", "recuperación", "emergencia", "recuperação", "emergência", "recupero", "di riserva",
    "emergenza", "herstel", "reservecode", "noodcode", "zapasow", "odzyskiwania", "awaryjn", "záložní", "obnovovac", "obnovení",
    "резервн", "запасн", "восстановлен", "yedek", "kurtarma", "dự phòng", "khôi phục", "备用", "備用", "恢复", "恢復", "復原", "備份",
    "バックアップ", "予備", "復旧", "リカバリ", "백업", "예비", "복구", "احتياطي", "الاحتياطي", "استرداد", "استعادة", "reservkod", "återställning",
    "gendannelse", "varakoodi", "rezerwow",
];

/// Words that say that a code no longer works.
#[rustfmt::skip]
pub(super) static FORMER: &[&str] = &[
    "previous", "old code", "earlier code", "no longer", "expired", "former", "alte code", "alter code", "bisherige", "vorherige",
    "abgelaufen", "ancien", "précédent", "expiré", "anterior", "antiguo", "antigo", "expirad", "precedente", "vecchio", "scadut",
    "vorige", "oude code", "verlopen", "poprzedni", "stary kod", "wygas", "předchozí", "starý kód", "предыдущ", "старый", "прежн",
    "önceki", "eski", "trước đó", "mã cũ", "旧", "舊", "以前", "古い", "이전", "السابق", "القديم", "tidigare", "gamla",
    "föregående", "tidligere",
];

/// Words that make "code" the code that proves who a person is.
#[rustfmt::skip]
pub(super) static PROOF: &[&str] = &[
    "verif", "secur", "login", "log-in", "log in", "sign", "one-time", "one time", "auth", "confirm", "access", "passcode",
    "otp", "bestätig", "sicherheit", "anmelde", "einmal", "vérif", "sécurité", "connexion", "acceso", "segur", "acesso", "sicurezza",
    "accesso", "conferma", "weryfik", "jednoraz", "ověř", "přihl", "подтвержд", "вход", "безопас", "doğrula", "giriş", "güvenlik",
    "xác", "đăng nhập", "验证", "驗證", "認証", "確認", "인증", "확인", "التحقق", "الدخول", "engång", "inlogg", "toegang", "inlog",
    "dostęp", "new code", "neue code", "nouveau code", "nuevo código", "novo código", "nuovo codice", "nový", "nowy", "новый",
];

/// Words that ask for a number directly behind them.
#[rustfmt::skip]
pub(super) static ENTER: &[&str] = &[
    "enter", "type", "type in", "use", "input", "gib", "geben sie", "saisissez", "entrez", "introduce", "introduzca", "ingresa",
    "ingrese", "digite", "insira", "inserisci", "vul", "voer", "wpisz", "zadejte", "zadej", "ange", "skriv", "введите", "nhập",
    "输入", "輸入", "أدخل",
];

/// A trade that sells what is booked: its confirmation code is a reference.
#[rustfmt::skip]
pub(super) static TRAVEL: &[&str] = &[
    "flight", "booking", "reservation", "hotel", "check-in", "itinerary", "nights", "boarding", "flug", "buchung", "vuelo",
    "reserva", "réservation", "prenotazione", "volo", "vlucht", "boeking", "rezerwac", "rezervac", "rezervas", "рейс",
    "бронирован", "航班", "预订", "予約", "예약", "الحجز", "bokning", "đặt chỗ",
];

/// Words of trade near "code": it takes something off a price.
#[rustfmt::skip]
pub(super) static SALES: &[&str] = &[
    "% off", "discount", "checkout", "promo", "coupon", "voucher", "save ", "gift card", "rabatt", "gutschein", "réduction",
    "remise", "descuento", "desconto", "cupom", "cupón", "sconto", "korting", "rabat", "sleva", "slev", "скидк", "indirim",
    "giảm giá", "优惠", "折扣", "割引", "할인", "خصم", "% ", "free shipping", "meeting id", "dial-in", "webinar",
];
