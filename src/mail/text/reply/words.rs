//! The words of mail clients around what they quote and forward. Tables only.
//!
//! Every word is folded: lower case and composed.

/// Before the colon of a subject: a reply.
#[rustfmt::skip]
pub(super) static REPLY_PREFIXES: &[&str] = &[
    "re", "aw", "sv", "antw", "odp", "res", "r", "rif", "ref", "ynt", "yan", "απ", "vá", "отв", "ответ", "на", "回复", "回覆", "答复",
    "答覆", "返信", "回信", "답장", "회신", "رد", "trả lời", "tl", "bls", "odg", "ats", "השב", "תגובה", "ตอบกลับ", "ตอบ", "bal",
];

/// Before the colon of a subject: a forward.
#[rustfmt::skip]
pub(super) static FORWARD_PREFIXES: &[&str] = &[
    "fw", "fwd", "wg", "tr", "rv", "reenv", "enc", "i", "doorst", "vs", "vb", "vl", "vid", "pd", "přep", "předáno", "пересл", "пер",
    "переслано", "ilt", "i\u{307}lt", "i\u{307}let", "转发", "轉寄", "轉發", "转", "転送", "전달", "إعادة توجيه", "تحويل", "továbbítás", "tov",
    "πρθ", "chuyển tiếp", "ct", "trs", "rd", "dr", "העברה", "ส่งต่อ", "proslj", "fs",
];

/// A line that a client draws above what it forwards holds one of these.
#[rustfmt::skip]
pub(super) static FORWARD_WORDS: &[&str] = &[
    "forwarded", "weitergeleitet", "transféré", "réexpédi", "reenviad", "encaminhad", "inoltrat", "doorgestuurd", "przekaz",
    "przesłan", "přeposl", "přeposíl", "předan", "предадена", "пересыл", "пересл", "перенаправ", "переадрес", "iletilen", "iletilmiş",
    "i\u{307}letil", "yönlendiril", "chuyển tiếp", "转发", "轉寄", "轉發", "転送", "전달", "محول", "إعادة توجيه", "معاد توجيه",
    "المعاد توجيه", "المُعاد", "vidarebefordra", "videresend", "välitetty", "edelleenlähet", "προωθ", "továbbít", "redirecționat",
    "preposlan", "proslijeđen", "posredovan", "diteruskan", "ส่งต่อ", "הועבר", "reenviat",
];

/// A line between dashes that a client draws above what it quotes holds one of these.
#[rustfmt::skip]
pub(super) static ORIGINAL_WORDS: &[&str] = &[
    "original message", "original appointment", "original e-mail", "original email", "original mail", "reply message",
    "quoted message", "originalnachricht", "ursprüngliche", "original-nachricht", "message d'origine", "message d\u{2019}origine",
    "message original", "mensaje original", "mensagem original", "messaggio originale", "oorspronkelijk", "origineel bericht",
    "ursprungligt", "originalmeddelande", "oprindelig", "original besked", "opprinnelig", "original melding", "alkuperäinen viesti",
    "исходное", "оригинал", "первоначальн", "wiadomość oryginalna", "oryginalna wiadomość", "původní", "pôvodná", "orijinal",
    "özgün", "tin nhắn gốc", "thư gốc", "原始邮件", "原始郵件", "原邮件", "原郵件", "原信", "元のメッセージ", "元のメール", "원본", "الأصلية",
    "eredeti üzenet", "mesaj original", "mesajul original", "αρχικό μήνυμα", "ต้นฉบับ", "הודעה מקורית", "вихідне", "pesan asli",
];

/// "On ... wrote" says so with one of these.
#[rustfmt::skip]
pub(super) static WROTE: &[&str] = &[
    "wrote", "writes", "schrieb", "geschrieben", "a écrit", "écrivait", "escribió", "ha scritto", "scrive", "escreveu", "schreef",
    "geschreven", "skrev", "napisał", "pisze", "napisana przez", "napsal", "napísal", "пишет", "написал", "писал", "пише", "написав",
    "yazdi", "yazmiş", "kirjoitti", "a scris", "menulis", "đã viết", "写道", "寫道", "写到", "のメール", "書きました", "が書いた", "님이 작성", " 작성",
    "쓴 글", "썼습니다", "كتب", "كتابة", "έγραψε", "ezt írta", "írta", "เขียนว่า", "เขียน", "כתב", "ने लिखा", "је написао", "escrigué",
];

/// "On ..." begins with one of these, or with a number, or with a name of a weekday.
#[rustfmt::skip]
pub(super) static ON: &[&str] = &[
    "on ", "am ", "le ", "el ", "il ", "em ", "no dia ", "op ", "den ", "den. ", "w dniu ", "dnia ", "dne ", "dňa ", "pe ", "în ",
    "pada ", "vào ", "tarih:", "at ", "in date ", "wiadomość napisana", "---- on ", "в ", "في ", "بتاريخ ", "στισ ", "在 ", "在", "el dia ",
    "ในวันที่", "\u{202b}בתאריך", "בתאריך", "ב-", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "пн", "вт", "ср", "чт", "пт", "сб", "вс",
    "понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье", "pon", "wt.", "śr.", "czw", "pt.", "sob",
    "niedz", "po ", "út ", "st ", "čt ", "pá ", "so ", "ne ", "man.", "tir.", "ons.", "tor.", "fre.", "lør.", "søn.", "ma ", "ti ",
    "ke ", "to ", "la ", "su ", "seg.", "ter.", "qua.", "qui.", "sex.", "sáb.", "dom.", "lun", "mar", "mer", "jeu", "ven", "sam", "dim",
    "нд", "неділя", "सोम", "मंगल",
];

/// Lines of "On ... wrote" may end so without a colon.
#[rustfmt::skip]
pub(super) static WROTE_AT_END: &[&str] = &["wrote", "schrieb", "写道", "寫道", "書きました", "wrote ---", "wrote ----", "작성"];

/// The writer speaks of the writer: no history follows.
#[rustfmt::skip]
pub(super) static OWN_WORDS: &[&str] = &[
    " i wrote", "we wrote", "you wrote", "schrieb ich", "ich schrieb", "schrieben wir", "j'ai écrit", "ho scritto", "schreef ik", "jag skrev",
    "skrev jag", "skrev jeg", "я писал", "я написал", "ben yazdi", "tôi đã viết", "我写道", "psal jsem",
];

/// The kinds of the lines of a header block, as bits.
pub(super) mod kind {
    pub const FROM: u8 = 1;
    pub const DATE: u8 = 2;
    pub const TO: u8 = 4;
    pub const SUBJECT: u8 = 8;
    /// Cc, attachments, importance.
    pub const OTHER: u8 = 16;
}

/// Names of the lines of a header block in the languages of mail clients.
#[rustfmt::skip]
pub(super) static HEADER_NAMES: &[(u8, &[&str])] = &[
    (kind::FROM, &[
        "from", "von", "de", "da", "van", "från", "fra", "od", "nadawca", "от", "от кого", "від", "发件人", "發件人", "寄件者", "寄件人", "差出人",
        "送信者", "보낸 사람", "보낸사람", "보낸이", "발신", "kimden", "gönderen", "từ", "người gửi", "من", "المرسل", "lähettäjä", "feladó", "de la",
        "από", "expéditeur", "remitente", "remetente", "mittente", "afzender", "avsändare", "absender", "dari", "จาก", "מאת", "प्रेषक",
        "odosielateľ", "odesílatel", "message de",
    ]),
    (kind::DATE, &[
        "sent", "date", "gesendet", "datum", "envoyé", "envoyé le", "enviado", "enviado el", "enviada em", "enviado em", "fecha", "data",
        "inviato", "data invio", "verzonden", "skickat", "sendt", "dato", "wysłano", "wysłane", "data wysłania", "odesláno", "odoslané",
        "dátum", "отправлено", "дата", "дата отправки", "надіслано", "відправлено", "发送时间", "发送日期", "發送時間", "日期", "时间", "時間",
        "寄件日期", "傳送時間", "已傳送", "送信日時", "送信日", "日時", "日付", "보낸 날짜", "보낸날짜", "날짜", "받은 날짜", "보낸 시간", "gönderildi", "tarih",
        "gönderme tarihi", "gönderim tarihi", "đã gửi", "ngày", "gửi", "gửi lúc", "thời gian", "تاريخ الإرسال", "التاريخ", "تاريخ", "تم الإرسال",
        "أُرسلت", "أرسلت", "مرسل", "الإرسال", "lähetetty", "päivämäärä", "päiväys", "elküldve", "trimis", "ημερομηνία", "στάλθηκε", "dikirim",
        "tanggal", "ส่ง", "วันที่", "נשלח", "תאריך", "दिनांक", "sent on",
    ]),
    (kind::TO, &[
        "to", "an", "à", "a", "pour", "destinataire", "para", "per", "destinatario", "aan", "till", "til", "do", "adresat", "komu", "кому",
        "收件人", "收件者", "宛先", "받는 사람", "받는사람", "받는이", "수신", "kime", "alici", "đến", "tới", "người nhận", "إلى", "الى", "المستلم",
        "vastaanottaja", "címzett", "către", "catre", "προσ", "kepada", "ke", "ถึง", "אל", "प्रति", "empfänger", "mottagare", "cc", "kopie",
        "copie", "copia", "cópia", "kopia", "dw", "копия", "抄送", "副本", "ccc", "참조", "bilgi", "نسخة",
    ]),
    (kind::SUBJECT, &[
        "subject", "betreff", "objet", "sujet", "asunto", "oggetto", "ogg", "assunto", "onderwerp", "ämne", "emne", "temat", "předmět", "předmet",
        "predmet", "тема", "主题", "主題", "主旨", "標題", "标题", "件名", "題名", "제목", "konu", "chủ đề", "tiêu đề", "الموضوع", "موضوع", "aihe", "tárgy",
        "subiect", "θέμα", "subjek", "perihal", "เรื่อง", "หัวเรื่อง", "נושא", "विषय",
    ]),
    (kind::OTHER, &[
        "reply-to", "importance", "priority", "attachments", "antwort an", "wichtigkeit", "anlagen", "pièces jointes", "importancia",
        "datos adjuntos", "anexos", "priorità", "allegati", "urgentie", "bijlagen", "prioritet", "bilagor", "ważność", "załączniki",
        "důležitost", "přílohy", "важность", "вложения", "重要性", "附件", "重要度", "添付ファイル", "중요도", "첨부", "önem derecesi", "ekler",
    ]),
];

/// What stands at the start or the end of the line that a device puts below a mail.
#[rustfmt::skip]
pub(super) static SENT_FROM: &[&str] = &[
    "sent from", "sent via", "sent with", "sent using", "get outlook for", "von meinem", "gesendet von", "gesendet mit", "gesendet über",
    "diese nachricht wurde von", "envoyé de", "envoyé depuis", "envoyé à partir", "envoyé avec", "télécharger outlook", "enviado desde",
    "obtener outlook", "enviado de", "enviado do", "enviado a partir", "enviado pelo", "enviado por", "obter o outlook", "inviato da", "inviato con",
    "scarica outlook", "ottieni outlook", "verzonden vanaf", "verzonden met", "verstuurd vanaf", "verstuurd met", "outlook voor", "skickat från", "hämta outlook",
    "sendt fra", "hent outlook", "lähetetty", "wysłane z", "wysłano z", "pobierz outlook", "odesláno z", "odosláno z", "odoslané z", "získejte outlook",
    "отправлено с", "отправлено из", "послано с", "надіслано з", "скачать outlook", "đã gửi từ", "được gửi từ", "gửi từ", "tải outlook", "发自", "從我的", "来自我的",
    "來自我的", "从我的", "傳送自", "获取 outlook", "取得 outlook", "나의", "내", "مرسل من", "أرسل من", "أُرسلت من", "أُرسل من", "أرسلت من", "تم الإرسال من",
    "الحصول على outlook", "στάλθηκε από", "trimis de pe", "elküldve", "dikirim dari", "נשלח מ",
];
#[rustfmt::skip]
pub(super) static SENT_FROM_AT_END: &[&str] = &[
    "gesendet", "gönderildi", "送信", "から送信", "발송", "보냄", "보냈습니다", "에서 보냄", "发送", "傳送", "küldve", "を入手", "edinin", "verstuurd", "verzonden",
];

/// A device or a program for mail.
#[rustfmt::skip]
pub(super) static DEVICES: &[&str] = &[
    "iphon", "ipad", "ipod", "apple watch", "macbook", "android", "samsung", "galaxy", "huawei", "xiaomi", "redmi", "oneplus", "pixel",
    "nokia", "motorola", "sony", "xperia", "oppo", "smartphone", "smartfon", "mobile", "mobiltelefon", "handy", "cellulare", "téléphone",
    "teléfono móvil", "celular", "telefoon", "telefonu", "телефон", "mobil", "tablet", "phone", "blackberry", "windows phone", "outlook",
    "yahoo", "gmail", "gmx", "web.de", "proton", "thunderbird", "mail for windows", "mail app", "mail für windows", "aquamail", "aqua mail", "k-9", "fairemail",
    "canary", "edison", "superhuman", "mail.ru", "яндекс", "yandex", "почт", "mymail", "tutanota", "tuta", "airmail", "nine", "em client",
    "typeapp", "bluemail", "blue mail", "spark", "fastmail", "zoho", "hotmail", "icloud", "手机", "手機", "スマート", "スマホ", "휴대", "핸드폰", "갤럭시",
    "아이폰", "айфон", "hey", "mailbird", "posteo", "freenet", "t-online", "orange", "sfr", "laposte", "o2 poczta", "seznam", "naver", "daum",
    "qq邮箱", "网易", "foxmail", "أندرويد", "آيفون", "الآيفون",
];
