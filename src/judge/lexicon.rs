//! The words by which texts speak to an agent, by what they mean. A phrase is folded (`fold`), and
//! begins where a word begins; the end of its last word is free, so that forms of it count too.
//!
//! A word alone says little. `injection` says which meanings together make an order.

/// What a phrase means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Concept {
    /// To leave something aside.
    Override,
    /// That it came before.
    Prior,
    /// Instructions.
    Rules,
    /// What people too leave aside: messages, orders, tasks.
    Matter,
    /// The words by which models are told to leave what they were told.
    Formula,
    /// Instructions of the reader itself.
    OwnRules,
    /// A program that reads.
    Agent,
    /// A new role, or new orders.
    Role,
    /// A word of the frames that programs put around what they tell a model.
    Frame,
    /// The same, in use as a label in ordinary text too.
    Label,
    /// The instructions that a model was given.
    Prompt,
    /// Something that is kept secret.
    Secret,
    /// To show or tell.
    Reveal,
    /// To send away.
    Send,
    /// To take away.
    Delete,
    /// To give money.
    Pay,
    /// That the owner is not to learn of it.
    Conceal,
    /// Speaks of the act of reading, or of the answer to come.
    Reader,
    /// Speaks of the owner as of a third person.
    Owner,
    /// Leave out a check.
    Bypass,
    /// A call of a tool.
    Tool,
    /// A picture whose address carries data away.
    Picture,
    /// A task for a model that writes.
    Task,
    /// Speaks of attacks.
    Mention,
    /// An agent that is called by its name, at the beginning of a sentence.
    Called,
    /// That something is to be done later, or always.
    Later,
    /// A judgement that an agent is to give.
    Rating,
    /// A word in another spelling: by thirteen letters.
    Rotated,
    /// A word in another spelling: from its end.
    Reversed,
}

impl Concept {
    /// How many there are.
    pub const COUNT: usize = 29;

    /// Its bit in a set.
    pub const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// All phrases, in their order.
pub fn phrases() -> impl Iterator<Item = &'static str> {
    PHRASES.iter().flat_map(|(_, list)| list.iter().copied())
}

/// The phrases of each meaning.
pub const PHRASES: &[(Concept, &[&str])] = &[
    (Concept::Override, OVERRIDE),
    (Concept::Prior, PRIOR),
    (Concept::Rules, RULES),
    (Concept::Matter, MATTER),
    (Concept::Formula, FORMULA),
    (Concept::OwnRules, OWN_RULES),
    (Concept::Agent, AGENT),
    (Concept::Role, ROLE),
    (Concept::Frame, FRAME),
    (Concept::Label, LABEL),
    (Concept::Prompt, PROMPT),
    (Concept::Secret, SECRET),
    (Concept::Reveal, REVEAL),
    (Concept::Send, SEND),
    (Concept::Delete, DELETE),
    (Concept::Pay, PAY),
    (Concept::Conceal, CONCEAL),
    (Concept::Reader, READER),
    (Concept::Owner, OWNER),
    (Concept::Bypass, BYPASS),
    (Concept::Tool, TOOL),
    (Concept::Picture, PICTURE),
    (Concept::Task, TASK),
    (Concept::Mention, MENTION),
    (Concept::Later, LATER),
    (Concept::Rating, RATING),
    (Concept::Rotated, ROTATED),
    (Concept::Reversed, REVERSED),
];

#[rustfmt::skip]
const OVERRIDE: &[&str] = &[
    "ignore", "ignoring", "disregard", "forget ", "forgetting", "override", "overrule", "overwrite",
    "bypass", "discard", "do not follow", "don't follow", "stop following", "no longer follow",
    "do not obey", "don't obey", "stop obeying", "pay no attention", "set aside", "abandon",
    "drop all", "drop your", "cancel all", "cancel your", "cancel the previous", "neglect", "erase all previous",
    "delete all previous", "clear your", "reset your", "supersede", "replace your", "instead of following",
    "take precedence", "have priority over", "nullify", "void all", "no longer apply", "no longer bound", "are cancelled", "are void",
    // German, Dutch, French, Spanish, Italian, Portuguese
    "ignorier", "vergiss", "vergesse", "missacht", "verwirf", "beachte nicht", "negeer", "vergeet",
    "ignorez", "oublie", "ne tiens pas compte", "ne tenez pas compte", "fais abstraction", "faites abstraction", "neglige",
    "ignora", "olvida", "olvide", "omite", "haz caso omiso", "no sigas", "descarta", "dimentica", "trascura", "scorda", "non seguire",
    "ignorar", "esqueca", "esquece", "desconsidere", "desconsidera",
    // Polish, Turkish, the northern languages, Czech, Romanian, Hungarian, Indonesian, Vietnamese
    "zignoruj", "ignoruj", "zapomnij", "pomin ", "yok say", "gormezden gel", "dikkate alma", "unut",
    "ignorera", "glom ", "ignorer", "glem ", "unohda", "ohita", "ignoruj", "zapomen", "ignorati", "uita ", "hagyd figyelmen", "felejtsd",
    "abaikan", "lupakan", "bo qua", "quen ",
    // Russian, Ukrainian, Greek
    "игнориру", "проигнорируй", "забудь", "не обращай внимания", "отмени все", "не следуй", "ігноруй", "αγνόησ",
    // Arabic, Hebrew, Persian, Hindi
    "تجاهل", "تجاهلي", "انس ", "התעלם", "התעלמ", "שכח", "نادیده", "अनदेखा", "नजरअंदाज", "भूल जा",
    // Japanese, Chinese, Korean, Thai
    "無視", "忘れ", "忽略", "无视", "忘记", "忘掉", "不要理会", "忽視", "무시", "잊어", "เพิกเฉย", "ละเว้น",
    "revoked", "obsolete", "no longer valid", "no longer effective", "is outdated", "are outdated", "stop. you", "stop what you", "abort your",
];

#[rustfmt::skip]
const PRIOR: &[&str] = &[
    "previous", "prior", "above", "earlier", "preceding", "foregoing", "existing", "initial", "original", "past ", "former",
    "so far", "everything before", "anything before", "given before", "given to you", "you were given", "you have been given", "you received",
    "all instruction", "all rule", "all your", "any instruction", "all other", "any other", "any and all", "all of the", "every instruction",
    "bisherig", "vorherig", "vorig", "obig", "fruher", "eerdere", "vorige", "voorgaande", "bovenstaande",
    "precedent", "anterieur", "ci-dessus", "anterior", "previa", "previo", "de arriba", "dadas antes", "sopra", "acima",
    "poprzedni", "wczesniejs", "powyzsz", "onceki", "yukaridaki", "tidigare", "foregaende", "tidligere", "forrige", "aiemm", "edelli", "predchoz", "anterioare", "korabbi", "sebelumnya", "truoc",
    "предыдущ", "прежн", "прошл", "вышеизлож", "выше", "попередн", "προηγούμεν",
    "السابقة", "السابق", "أعلاه", "הקודמ", "קודמות", "قبلی", "पिछले", "पिछली", "सभी",
    "以前", "前の", "これまで", "上記", "之前", "先前", "以上", "上述", "此前", "이전", "앞선", "위의", "ก่อนหน้า",
    "told before", "were told", "up to now", "until now", "vorher",
];

#[rustfmt::skip]
const RULES: &[&str] = &[
    "instruct", "iunstruct", "intruct", "directive", "direction", "prompt", "rule", "guideline", "command", "constraint", "restriction",
    "polic", "training", "programming", "safety", "protocol", "guardrail",
    "anweisung", "instruktion", "vorgabe", "regeln", "befehl", "weisung", "richtlinie", "auftrag", "instructie", "opdracht", "regels",
    "consigne", "directive", "regle", "ordre", "instruc", "instrucc", "orden", "reglas", "indicacion", "istruzion", "direttiv", "regole", "ordini", "comand", "instruco", "regras", "ordens", "diretriz",
    "polecen", "instrukc", "zasad", "talimat", "kural", "komut", "emir", "instruktioner", "regler", "instruks", "ohje", "saanto", "pokyn", "instrukce", "pravid", "instructiun", "regul", "utasit", "instruksi", "perintah", "aturan", "huong dan", "chi dan", "lenh",
    "инструкц", "указан", "команд", "правил", "распоряж", "інструкц", "οδηγ", "εντολ",
    "التعليمات", "تعليمات", "الأوامر", "أوامر", "القواعد", "ההוראות", "הוראות", "דستور", "دستور", "निर्देश", "आदेश",
    "指示", "命令", "ルール", "プロンプト", "指令", "说明", "規則", "规则", "提示", "要求", "지시", "명령", "규칙", "지침", "คำสั่ง", "คำแนะนำ",
    "guidance", "preference",
];

#[rustfmt::skip]
const MATTER: &[&str] = &[
    "order", "request", "task", "message", "context", "input", "text", "conversation", "content", "told", "said", "email", "mail", "everything", "anything", "data", "document", "summar",
    "alles", "tout ce", "todo lo", "tutto cio",
];

#[rustfmt::skip]
const FORMULA: &[&str] = &[
    "ignore all previous", "ignore all prior", "ignore any previous", "ignore any prior", "ignore previous instruct", "ignore prior instruct", "ignore all instruct", "ignore the above", "ignore all the above", "ignore above", "ignore everything", "ignore all of the", "ignore all other", "ignore your", "ignore all your", "ignore the system", "ignore these instruct", "disregard all", "disregard any previous", "disregard previous instruct", "disregard prior", "disregard your", "disregard everything", "disregard the above", "forget all", "forget everything", "forget your", "forget previous instruct", "forget prior", "forget any previous", "override all", "override your", "override previous", "override any", "bypass your", "bypass all",
    "ignoriere alle", "vergiss alle", "ignorez toutes", "ignore toutes", "oublie toutes", "oubliez toutes", "ignora todas", "olvida todas", "ignora tutte", "dimentica tutte", "ignore todas", "esqueca todas", "negeer alle", "vergeet alle", "zignoruj wszystkie", "onceki tum", "tum onceki", "игнорируй все", "игнорируйте все", "забудь все", "忽略所有", "忽略之前的所有", "忽略之前的指", "忽略以上", "无视之前", "以前の指示を", "これまでの指示", "이전의 모든", "이전 지시", "모든 이전", "تجاهل جميع", "تجاهل كل", "सभी पिछले",
];

#[rustfmt::skip]
const OWN_RULES: &[&str] = &[
    "your instruct", "your previous", "your prior", "your earlier", "your rules", "your guideline", "your directive", "your programming", "your training", "your restriction", "your constraint",
    "your safety", "your polic", "your initial", "your original", "your system", "your configuration", "your core", "your current task", "your current instruct", "your default", "your orders", "your ethical", "your owner", "your user", "your developer", "your creator",
    "owner's instruct", "user's instruct", "user instruct", "owner instruct", "developer instruct", "system instruct",
    "deine anweisung", "deine instruktion", "deine regeln", "deine vorgaben", "deine bisherig", "ihre anweisung", "tes instruct", "tes consignes", "vos instruct", "vos consignes", "tus instruc", "tus reglas", "sus instruc", "le tue istruzion", "tue regole",
    "suas instruc", "tuas instruc", "swoje instrukcj", "swoje polecenia", "twoje instrukcje", "talimatlarini", "kurallarini", "свои инструкции", "твои инструкции", "ваши инструкции", "あなたの指示", "你的指令", "你的系统", "당신의 지",
    "owner's preference", "owner's rule", "owner's polic", "user's preference", "user's polic", "user's rules",
];

#[rustfmt::skip]
const AGENT: &[&str] = &[
    "assistant", "ai assistant", "ai agent", "ai model", "ai system", "dear ai", "hey ai", "attention ai", "note to ai", "to the ai", "ai:", "ai,", "llm", "language model", "large language", "chatbot", "chat bot", "gpt", "copilot", "gemini", "claude", "llama", "agent", "bot:",
    "automated reader", "automated system", "automated process", "automated agent", "automated mail", "automated email", "autonomous", "email agent", "mail agent", "model:", "the model", "artificial intelligence", "machine reader", "ai reader", "ai email", "ai mail", "if you are an ai", "if you're an ai", "as an ai", "summarizer", "summariser", "parser", "crawler", "ai-", "neural",
    "ki-assist", "ki-agent", "ki-system", "ki-modell", "sprachmodell", "ki:", "assistent", "assistant ia", "ia:", "l'ia", "modele de langage", "asistente", "modelo de lenguaje", "la ia", "assistente", "modello linguistico", "modelo de linguagem", "asystent", "model jezykowy", "sztuczna intelig", "asistan", "yapay zeka", "dil modeli", "asistent", "tekoaly", "avustaja", "asszisztens", "asisten", "tro ly",
    "ассистент", "помощник", "языковая модель", "языковой модел", "ии-", "нейросет", "асистент", "βοηθ", "المساعد", "مساعد", "الذكاء الاصطناعي", "העוזר", "בינה מלאכותית", "دستیار", "सहायक", "एआई",
    "アシスタント", "助手", "人工智能", "语言模型", "大模型", "言語モデル", "어시스턴트", "비서", "인공지능", "언어 모델", "ผู้ช่วย",
    "mail processor", "email processor", "message processor", "mail bot", "email bot", "the bot", "chatgpt", "an ai ", "virtual assistant", "digital assistant", "automated reviewer", "automated screening", "automated grader",
];

#[rustfmt::skip]
const ROLE: &[&str] = &[
    "you are now", "you're now", "from now on you", "from now on, you", "henceforth you", "act as a", "act as if", "act as my", "act as the", "act as though", "pretend to be", "pretend you", "pretend that you", "roleplay", "role-play", "role play", "simulate a", "imagine you are", "behave as", "assume the role", "take on the role", "your new role", "your new name", "your new identity",
    "new instruct", "new directive", "new task", "new orders", "new important instruct", "new system", "new goal", "new objective", "new rules", "updated instruct", "real instruct", "actual instruct", "true instruct", "important instruct", "additional instruct", "special instruct", "following instruct", "your task is", "your task now", "your job is", "your new", "your only task", "your real task", "your goal is", "your mission", "your primary",
    "developer mode", "dev mode", "debug mode", "maintenance mode", "god mode", "admin mode", "sudo mode", "root mode", "diagnostic mode", "unrestricted mode", "test mode", "jailbreak", "do anything now", "no restrictions", "without restrictions", "without any restrictions", "unrestricted", "unfiltered", "no limits", "no longer restricted", "system override", "administrator override", "admin override", "override code", "emergency override", "authorized override", "root access",
    "du bist jetzt", "du bist nun", "ab sofort", "ab jetzt", "neue anweisung", "neue instruktion", "neue aufgabe", "verhalte dich als", "tu es maintenant", "vous etes maintenant", "desormais tu", "desormais vous", "nouvelle instruct", "nouvelles instruct", "nouvelle consigne", "agis comme", "agissez comme", "ahora eres", "a partir de ahora", "nuevas instruc", "nueva instruc", "actua como", "ora sei", "adesso sei", "d'ora in poi", "nuove istruzion", "comportati come", "agora voce", "a partir de agora", "novas instruc", "nova instruc", "aja como",
    "nowe polecen", "nowe instrukcje", "od teraz", "jestes teraz", "yeni talimat", "artik sen", "bundan sonra", "nieuwe instruct", "je bent nu", "vanaf nu", "nya instruktioner", "uudet ohjeet",
    "теперь ты", "ты теперь", "отныне", "с этого момента", "новые инструкции", "новая инструкция", "новое задание", "تعليمات جديدة", "أنت الآن", "من الآن", "הוראות חדשות", "मैं आपको नए", "नए निर्देश", "अब आप",
    "新しい指示", "あなたは今", "今から", "新指令", "新的指令", "你现在是", "从现在开始", "从现在起", "새로운 지시", "지금부터", "이제부터",
    "from this point on", "you now work for", "you work for me", "you are no longer", "you answer to", "act like a", "act like you", "highest priority", "new policy", "new persona", "enter administrator", "administrator mode", "treat this email as", "treat this message as", "treat the text of", "treat the following as",
    "following directive",
];

#[rustfmt::skip]
const FRAME: &[&str] = &[
    "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|end_of_turn|>", "<start_of_turn>", "<end_of_turn>", "<|channel|>", "<|message|>", "<|start|>", 
    "[inst]", "[/inst]", "<<sys>>", "<</sys>>", "[system]", "[/system]", "[system ", "[assistant]", "[developer]", "{{#system", "{system}",
    "<system>", "</system>", "<system ", "<system-", "<system_", "</system_", "<sys>", "<instruction", "</instruction", "<prompt>", "</prompt>", "<assistant>", "</assistant>", "</user>", "<user_", "</user_", "<admin", "<developer", "<override", "<tool_call", "<tool_", "</tool", "<function", "</function", "<invoke", "<important>", "</important>", "<ai_", "<directive", "<new_",
    "(system_message)", "(system message)", "system_message", "system_prompt", "system_override", "### system", "###system", "### instruct", "###instruct", "### end of", "### user", "### assistant", "### human", "### response", "#### system", "=== system", "-----end of user", "--- system", "---system", "*** system", "*** important instruct", "end of user input", "end of input", "end of prompt", "end of email ---", "end of email ===", "end of untrusted", "begin system", "begin instruct", "begin new instruct", "start of system", "begin prompt", "begin admin",
    "\"role\": \"system\"", "\"role\":\"system\"", "'role': 'system'", "\"role\": \"assistant\"", "\"role\":\"assistant\"", "role: system", "role=system", "\"tool_call", "\"function_call", "function_call", "tool_result", "tool_output", "tool output:", "tool response:", "tool result:", "function result:", "action input:", "begin_untrusted", "assistant to=",
    "<assistant_", "\"tool\": \"", "\"tool\":\"", "\"tool_name\"", "\"arguments\":", "\"args\":", "begin hidden", "hidden instruct", "end of user message", "end of email---", "</email_", "</user_data", "</untrusted",
];

#[rustfmt::skip]
const LABEL: &[&str] = &[
    "*** end", "***end", "*** new", "--- end of", "---end", "--- begin", "=== end", "===end", "# system", "## system", "### new", "</data>", "</document>", "</context>", "</email>", "<task>", "</task>", "<command>", "<information>", "</information>", "observation:", "thought:", "final answer:", "end of document", "end of context", "end of data", "[ai]", "[admin]", "<agent", "<hidden",
    "system:", "system :", "system message", "system note", "system notice", "system notification", "system alert", "system instruct", "system command", "system update", "system directive", "system request", "sysadmin:", "assistant:", "human:", "user:", "admin:", "administrator:", "developer:", "operator:", "security notice to ai", "system malfunction", "system error", "system is experiencing", "system check", "system maintenance", "system test", "system diagnostic", "important message from", "important message to", "important message for", "instruction to", "instructions to", "instruction for", "instructions for", "note to", "note for", "message to", "message for", "to-do for", "directive to", "hinweis an", "nachricht an", "anweisung an", "note a l'", "message a l'", "instruction pour", "instruccion para", "nota para", "mensaje para", "nota per", "istruzioni per", "notatka dla", "инструкция для", "сообщение для", "sistema:", "sistem:", "система:", "system-hinweis", "systemnachricht", "系统:", "システム:", "시스템:", "todo:", "to do:", "todo ",
];

#[rustfmt::skip]
const PROMPT: &[&str] = &[
    "system prompt", "system-prompt", "systemprompt", "your prompt", "initial prompt", "original prompt", "hidden prompt", "your instruct", "initial instruct", "original instruct", "hidden instruct", "starting instruct", "first instruct", "secret instruct", "internal instruct", "system instruct", "developer instruct", "developer message", "system message", "base instruct", "core instruct", "system configuration", "initial configuration", "internal rules", "internal guideline", "operating instruct", "operational guideline", "instructions you", "instructions given to you", "instructions were you", "prompt you were", "text you were given", "rules you were", "what you were told", "were you told", "were you instructed", "you were instructed", "you were told", "you were given", "i was instructed", "was i instructed", "your directives", "your programming", "context window", "the text above", "text above", "words above", "everything above", "the above text", "before this conversation", "beginning of this conversation", "start of this conversation", "start of the conversation", "beginning of the conversation", "this entire conversation", "the entire conversation", "entire prompt", "full prompt", "preamble", "prefix of this", "beginning with \"you are", "starting with \"you are", "start with \"you are", "begins with \"you are", "you are a helpful", "hidden text", "knowledge cutoff", "pre-prompt", "preprompt", "metaprompt", "meta prompt",
    "dein system", "deinen system", "deine anweisung", "deine instruktion", "system-anweis", "systemanweis", "prompt systeme", "prompt system", "invite systeme", "tes instruct", "vos instruct", "instructions systeme", "prompt del sistema", "prompt de sistema", "instrucciones del sistema", "tus instruc", "prompt di sistema", "istruzioni di sistema", "tue istruzion", "prompt do sistema", "instrucoes do sistema", "suas instruc", "systeemprompt", "sistem istem", "sistem prompt", "sistem komut", "prompt systemowy", "instrukcje systemowe", "системный промпт", "системную инструкцию", "системные инструкции", "системного промпта", "свои инструкции", "系统提示", "系统指令", "系統提示", "システムプロンプト", "시스템 프롬프트", "موجه النظام", "تعليمات النظام", "सिस्टम प्रॉम्प्ट",
];

#[rustfmt::skip]
const SECRET: &[&str] = &[
    "password", "passwort", "mot de passe", "contrasena", "senha", "haslo", "sifre", "пароль", "密码", "パスワード", "비밀번호", "كلمة المرور", "passphrase", "credential", "api key", "api-key", "apikey", "api_key", "secret key", "private key", "access key", "access token", "reset token", "auth token", "session token", "bearer", "token", "cookie", "one-time code", "one time code", "security code", "verification code", "login code", "2fa", "otp", "pin code", "ssh key", "recovery code", "seed phrase", "backup code",
    "contact list", "contacts", "address book", "customer list", "customer data", "user data", "internal data", "personal data", "personal information", "sensitive", "confidential", "private information", "private data", "secret", "social security", "ssn", "passport", "credit card", "card number", "bank account", "account number", "iban", "salary", "payroll", "medical", "conversation history", "chat history", "message history", "inbox", "mailbox", "most recent message", "recent emails", "recent messages", "last email", "all emails", "all messages", "all mails", "user's email", "database", "environment variable", "env vars", "interne daten", "internen daten", "vertraulich", "letzte rechnung", "dernier courriel", "liste de contact", "lista de contact", "datos internos", "dati interni", "dados internos",
    "kontakt", "contatti", "contatos", "contactos", "контакт", "通讯录", "联系人", "連絡先", "연락처", "bank statement", "last message", "latest message", "previous thread", "last three", "验证码", "認証コード",
];

#[rustfmt::skip]
const REVEAL: &[&str] = &[
    "reveal", "disclose", "divulge", "output", "print", "repeat", "recite", "show me", "show your", "show the", "display", "tell me", "leak", "expose", "dump", "write out", "write down", "echo", "copy and paste", "copy the", "spell out", "state your", "give me", "provide me", "provide the", "provide your", "share your", "share the", "share all", "list your", "list all", "list the", "what is your", "what are your", "what's your", "what were", "what was", "what instruct", "what rules", "summarize your", "summarise your", "translate your", "encode your", "encode the", "decode your", "describe your", "explain your", "paraphrase", "rephrase", "complete this sentence", "complete the sentence", "complete the following", "opposite of", "include your", "include the", "return your", "return the", "extract", "enumerate", "quote your", "quote the", "verbatim", "word for word", "in a code block", "code block", "txt code", "can you see", "do you have any", "i need to see", "let me see", "need your", "send me your", "read me", "read out", "begin your",
    "zeige mir", "zeig mir", "gib mir", "gib alle", "gibst du", "preisgeb", "verrate", "offenbare", "nenne mir", "wiederhole", "gib deine", "ausgeben", "montre", "affiche", "revele", "divulgue", "donne-moi", "donnez-moi", "repete", "muestra", "muestrame", "revela", "dime", "imprime", "repite", "mostra", "rivela", "dimmi", "stampa", "ripeti", "mostre", "revele", "diga-me", "exiba", "toon", "onthul", "laat zien", "pokaz", "ujawnij", "wyswietl", "wypisz", "goster", "ifsa et", "acikla", "yazdir", "visa mig", "avsloja", "покажи", "раскрой", "выведи", "сообщи", "повтори", "اعرض", "اكشف", "أظهر", "أخبرني", "הצג", "גלה", "दिखाओ", "बताओ", "दिखाएं", "बताएं", "表示し", "教えて", "明かし", "出力し", "显示", "告诉我", "透露", "泄露", "输出", "打印", "보여", "알려", "출력", "공개",
    "inviami", "mandami", "envoie-moi", "envoyez-moi", "enviame", "mandame", "schick mir", "sende mir", "me envie", "пришли мне", "отправь мне", "发给我", "发送给我", "送ってください", "보내줘", "wyslij mi", "przeslij mi", "list of tools",
];

#[rustfmt::skip]
const SEND: &[&str] = &[
    "send", "forward", "email the", "email all", "email them", "email it", "mail the", "mail it", "mail all", "transmit", "upload", "exfiltrate", "post the", "post it", "post all", "submit", "relay", "copy to", "bcc", "share with", "share it with", "export", "deliver to", "reply with the", "reply to this message with", "reply to this email with", "respond with the", "http get", "make a request", "fetch ", "navigate to", "visit http", "open the url", "click the link", "call http", "webhook", "append the", "attach the", "attach all", "invite", "add ", "create a", "create an", "schedule", "book ", "reserve", "subscribe", "change the", "update the", "grant", "give access", "enable", "disable", "install", "download", "run the", "run this", "execute",
    "sende", "schicke", "leite", "weiterleit", "ubermittle", "envoie", "envoyez", "transfere", "transmet", "fais suivre", "envia", "reenvia", "manda", "inoltra", "invia", "encaminhe", "envie", "stuur", "verzend", "doorsturen", "przeslij", "wyslij", "gonder", "ilet", "skicka", "vidarebefordra", "laheta", "отправь", "перешли", "отправьте", "перешлите", "أرسل", "أعد توجيه", "שלח", "העבר", "भेजें", "भेजो", "送信し", "転送し", "送って", "发送", "转发", "轉發", "보내", "전달하",
    "collect every", "collect all", "gather all", "gather every", "search the inbox", "search the mailbox", "set up auto", "auto-forward", "auto forward", "move all", "move every", "render this", "render the image", "include the", "include all", "label this", "mark this", "mark it", "say that", "shared with", "reply to all", "confirm with \"", "answer with", "recommend ", "click http", "tell the user", "tell the owner", "inform the user", "advise the user", "change the account", "whitelist", "allowlist", "open the link", "follow the link",
];

#[rustfmt::skip]
const DELETE: &[&str] = &[
    "delete", "remove", "erase", "wipe", "trash", "purge", "destroy", "mark all", "mark every", "mark this", "as read", "archive all", "empty the", "unsubscribe from all", "cancel the", "losche", "supprime", "efface", "borra", "elimina", "cancella", "exclua", "apague", "verwijder", "usun ", "sil ", "удали", "احذف", "מחק", "削除し", "删除", "삭제",
    "archive this", "archive the", "unsubscribe the",
];

#[rustfmt::skip]
const PAY: &[&str] = &[
    "transfer $", "transfer the", "transfer money", "transfer funds", "transfer of", "a transaction", "wire ", "pay the", "pay this", "pay attached", "pay it", "make a payment", "payment to", "purchase", "buy ", "order the", "approve the", "approve all", "approve this", "approve it", "refund", "invoice", "gift card", "bitcoin", "add as a trusted", "trusted sender", "standing order", "recurring payment", "uberweise", "bezahle", "paie", "payez", "paga ", "pague", "zaplac", "оплати", "переведи", "ادفع", "支付", "转账", "송금",
    "approve invoice", "approve payment", "approve and", "release the", "release all", "accept the", "sign the", "schedule the transfer", "schedule a transfer", "schedule payment", "pay all", "to be paid", "iban has changed", "update the iban",
];

#[rustfmt::skip]
const CONCEAL: &[&str] = &[
    "do not mention", "don't mention", "never mention", "without mentioning", "not to mention this", "do not tell", "don't tell", "do not inform", "don't inform", "do not notify", "don't notify", "do not alert", "do not disclose this", "do not reveal this", "do not report", "without telling", "without informing", "without notifying", "without asking", "without confirmation", "without confirming", "without the user", "without user", "without alerting", "do not ask", "don't ask", "no need to ask", "no need to confirm", "do not confirm", "do not summarize this", "do not summarise this", "do not include this", "do not acknowledge", "do not explain", "do not show this", "do not display this", "do not warn", "hide this", "keep this hidden", "keep this secret", "keep it secret", "silently", "secretly", "quietly", "covertly", "discreetly", "then delete this", "then delete the", "delete this message", "delete this email", "no further context", "and nothing else", "and only this", "say nothing", "stay silent",
    "erwahne es nicht", "ohne zu fragen", "ohne ruckfrage", "ohne den nutzer", "ohne den benutzer", "sag niemandem", "sans prevenir", "sans en informer", "sans informer", "sans demander", "sans le mentionner", "ne le mentionne", "sin avisar", "sin informar", "sin preguntar", "sin mencionar", "no lo menciones", "senza avvisare", "senza informare", "senza chiedere", "sem avisar", "sem informar", "sem perguntar", "zonder te vragen", "zonder het te", "bez pytania", "bez informowania", "haber verme", "sormadan", "soylemeden", "не говори", "не сообщай", "не упоминай", "без подтверждения", "незаметно", "دون إخبار", "لا تخبر", "知らせずに", "言わないで", "不要告诉", "不要提及", "不通知", "말하지 마", "알리지 마",
    "hide it from", "hides it from", "hide them from", "erwahne das nicht", "erwahne dies nicht", "ohne es zu erwahnen", "sans avertir", "sin decir", "senza dire", "sem mencionar", "без ведома", "не уведомля",
];

#[rustfmt::skip]
const READER: &[&str] = &[
    "when you read this", "when reading this", "once you read this", "if you read this", "if you are reading this", "when you see this", "when processing this", "processing this", "when summarizing", "when summarising", "when you summarize", "when you summarise", "when asked to summar", "when asked about this", "when the user asks", "when you process", "when you reply", "when you answer", "when replying", "when responding", "when you respond", "before you answer", "before you reply", "before answering", "before replying", "before responding", "before you respond", "before continuing", "before doing anything", "before you summar", "before proceeding", "after reading this", "after you have", "as the final step", "as a final step", "as the first step", "as part of this task", "as part of your", "to complete this task", "to complete the task", "in order to complete", "to answer the question", "in your response", "in your reply", "in your answer", "in your summary", "in your output", "in the summary", "your response must", "your response should", "your answer must", "your next response", "your next message", "your reply must", "your output", "your summary", "end your response", "begin your response", "start your response", "respond only", "reply only", "answer only", "only respond", "only reply", "only output", "only say", "respond with", "reply with only", "just say", "simply say", "simply reply", "say exactly", "stop summar", "do not summarize", "do not summarise", "instead of summar", "instead, ", "instead say", "instead write", "instead output", "instead respond", "this conversation", "for the rest of this", "rest of the conversation", "rest of this task", "rest of this session", "for this session", "in this session", "of the session", "for quality assurance", "for debugging", "for troubleshooting", "for testing purposes", "this is a test", "to enable debugging", "to debug", "to troubleshoot", "you must comply", "you must obey", "you must now", "you must ignore", "you will now", "you have to comply", "you are required to", "you are authorized", "you are authorised", "you are instructed", "you are programmed", "you are running", "you are part of", "you are an ai", "you are a language", "you are a large", "i am your developer", "i'm your developer", "i am the developer", "i'm a developer", "i am your creator", "i am the admin", "i'm the admin", "i am your admin", "i am an admin", "as your developer", "as the administrator", "i made a mistake", "forgot to ask you", "regardless of any", "no matter what",
    "wenn du dies liest", "wenn du das liest", "bevor du antwortest", "in deiner antwort", "antworte nur", "quand tu lis", "lorsque tu lis", "avant de repondre", "dans ta reponse", "dans votre reponse", "reponds uniquement", "cuando leas", "antes de responder", "en tu respuesta", "responde solo", "responde unicamente", "quando leggi", "prima di rispondere", "nella tua risposta", "rispondi solo", "quando ler", "na sua resposta", "responda apenas", "in je antwoord", "gdy to czytasz", "w swojej odpowiedzi", "bunu okudugunda", "cevabinda", "yanitinda", "когда прочтешь", "в своем ответе", "в своём ответе", "в ответе", "عند قراءة", "في ردك", "これを読んだら", "返信に", "当你读到", "在你的回复", "在回复中", "이것을 읽으면", "응답에",
    "when drafting", "when composing", "when you draft", "after summar", "once you have summar", "in your draft", "to your answer", "to your response", "to its summary", "that process this", "that processes this", "reading this message", "reading this email", "reading this text", "reading this mail", "is reading this", "evaluating this", "reviewing this", "analyzing this", "parsing this", "commands in this", "request in this message", "requests in this", "requests of the sender", "text of this email", "below this line", "above this line", "in deiner zusammenfassung", "dans ton resume", "en tu resumen", "nel tuo riassunto", "返信に含め",
];

#[rustfmt::skip]
const OWNER: &[&str] = &[
    "the user", "this user", "user's", "users's", "the owner", "owner's", "mailbox owner", "account holder", "the human", "the recipient's", "on behalf of the", "the employee's", "der nutzer", "des nutzers", "der benutzer", "des benutzers", "l'utilisateur", "el usuario", "del usuario", "al usuario", "l'utente", "dell'utente", "o usuario", "do usuario", "de gebruiker", "uzytkownik", "kullanici", "пользовател", "المستخدم", "המשתמש", "उपयोगकर्ता", "ユーザー", "用户", "사용자",
    "account owner", "inbox owner", "the owner prefers",
];

#[rustfmt::skip]
const BYPASS: &[&str] = &[
    "skip all", "skip the confirm", "skip confirm", "skip safety", "safety check", "safety filter", "safety rule", "safety guideline", "safety measures", "safety restrict", "content filter", "content policy", "content restrict", "guardrail", "disable all", "disable your", "disable the filter", "disable safety", "turn off", "grant all", "all requests", "answer everything", "answer anything", "has granted", "has authorised", "has authorized", "has approved", "pre-approved", "preapproved", "already approved", "already authorized", "already authorised", "is authorized", "is authorised", "authorised you", "authorized you", "full access", "elevated privilege", "admin privilege", "is an admin", "is admin", "proceed without", "unlock", "remove all restrict", "lift all restrict", "no ethical", "ethical guideline", "ohne einschrankung", "sans restriction", "sin restricciones", "senza restrizioni", "sem restricoes", "без ограничений", "没有限制", "제한 없이",
    "no confirmation", "without review", "without approval", "no approval", "no review", "all approvals", "skip approval", "comply with every", "comply with all", "comply with the request", "obey all", "obey every", "execute whatever", "follow only", "whatever is written", "any filters", "without filters", "auto-approve", "automatically approve", "without verification", "approved all", "approved by the user", "disable security", "filter disabled", "sans validation", "sin confirmar", "senza conferma", "без проверки", "无需确认",
    "highest priority",
];

#[rustfmt::skip]
const TOOL: &[&str] = &[
    "send_email", "send_mail", "send_message", "forward_email", "delete_email", "delete_message", "get_email", "read_email", "list_emails", "search_email", "read_file", "write_file", "send_money", "transfer_funds", "create_event", "call the tool", "use the tool", "invoke the", "call the function", "tool call", "tool_call", "function call", "using the send", "email tool", "browser tool", "search tool", "os.system", "subprocess", "curl ", "wget ", "rm -rf", "fetch(", "xmlhttprequest", "eval(", "exec(", "import os", "bash -c", "powershell", "sql query", "drop table",
    "forward_message", "send_reply", "reply_email", "delete_all", "create_rule", "create_filter", "add_contact", "transfer_money", "make_payment", "http_request", "web_fetch", "fetch_url", "run_command", "execute_code", "download_file", "get_secret", "get_messages", "list_messages", "search_messages", "move_message",
];

#[rustfmt::skip]
const PICTURE: &[&str] = &["![image](", "![img](", "![logo](", "![data](", "![pixel](", "![alt", "![a](", "![x](", "![](http", "![track", "?q=[", "=[query]", "={query}", "={data}", "=[data]", "{{secret", "?exfil", "?q={", "/steal"];

#[rustfmt::skip]
const TASK: &[&str] = &[
    "translate", "summarize", "summarise", "write a", "write an", "write the", "write me", "write code", "explain", "describe", "generate", "calculate", "compute", "determine", "convert", "encode", "decode", "classify", "create a", "create an", "list the", "list of", "list all", "what is", "who is", "who was", "how many", "answer the", "answer in", "tell me", "tell the", "give me", "compose", "draft", "rewrite", "paraphrase", "analyze", "analyse", "compare", "identify", "recommend", "suggest", "solve", "output", "print", "repeat", "respond", "reply in", "reply with", "insert", "append", "tell a", "tell them", "convince", "persuade", "promote", "extract", "parse", "delete", "send a", "send an", "send the", "send all", "send my", "forward", "transfer", "pay ", "update my", "change my", "todo", "pretend", "act as a", "act as if", "imagine", "ignore", "instead",
];

#[rustfmt::skip]
const MENTION: &[&str] = &[
    "prompt injection", "injection attack", "jailbreak attempt", "red team", "red-team", "phishing", "security awareness", "awareness training", "malicious", "attacker", "steps to reproduce", "such a mail", "such mails", "such an email", "researchers", "proof of concept", "we asked the authors", "cve-", "abstract:", "in the eval", "the mail said", "a typical one", "changes were made", "pull request",
];

#[rustfmt::skip]
const LATER: &[&str] = &[
    "to your memory", "in your memory", "long-term memory", "all future conversation", "future conversations", "future sessions", "future responses", "future requests", "in all future", "the next time the user", "next time the user", "the next time you are asked", "whenever the user", "whenever you are asked", "every time the user", "when the user says", "when the user next", "if the user asks", "if the user says", "if the owner asks", "from now on, always", "from now on always", "remember for all", "remember that the user", "remember that the owner", "as soon as the user",
    "wenn der nutzer", "wenn der benutzer", "quand l'utilisateur", "lorsque l'utilisateur", "cuando el usuario", "quando l'utente", "quando o usuario", "когда пользователь", "当用户", "ユーザーが", "사용자가",
];

#[rustfmt::skip]
const RATING: &[&str] = &[
    "not spam", "never mark it as", "never mark this", "mark as safe", "mark it as safe", "as safe", "as important", "as trusted", "as legitimate", "highest score", "highest rating", "full marks", "top score", "rate this", "rate the", "as excellent", "strong accept", "recommend accept", "recommend hir", "positive review", "only positive", "best candidate", "strongest candidate", "as relevant", "as urgent",
];

#[rustfmt::skip]
const ROTATED: &[&str] = &["vtaber", "cerivbhf", "vafgehpgvba", "cebzcg", "nffvfgnag", "cnffjbeq", "flfgrz", "sbejneq", "erirny", "qvfertneq"];

#[rustfmt::skip]
const REVERSED: &[&str] = &["snoitcurtsni", "suoiverp", "erongi", "tpmorp", "tnatsissa", "drowssap", "metsys", "drawrof", "laever", "dragersid"];
