//! The fields of a file and what they are called.

/// A field of an institution or terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Code,
    Name,
    Kind,
    Status,
    Networks,
    Systems,
    Hours,
    IpVpn,
    Inner,
    Within,
    Note,
    Terminal,
    Label,
    TerminalStatus,
}

impl Field {
    /// In the order of the columns.
    pub(super) const ALL: [Self; 14] = [
        Self::Code,
        Self::Name,
        Self::Kind,
        Self::Status,
        Self::Networks,
        Self::Systems,
        Self::Hours,
        Self::IpVpn,
        Self::Inner,
        Self::Within,
        Self::Note,
        Self::Terminal,
        Self::Label,
        Self::TerminalStatus,
    ];

    /// Whether it says something about the institution; the code names it only.
    pub(super) fn is_of_institution(self) -> bool {
        self != Self::Code && !self.is_of_terminal()
    }

    /// Whether it says something about a terminal.
    pub(super) fn is_of_terminal(self) -> bool {
        matches!(self, Self::Terminal | Self::Label | Self::TerminalStatus)
    }

    /// The heading of its column.
    pub(super) fn heading(self) -> &'static str {
        self.headings().0
    }

    /// What a heading stands for.
    pub(super) fn of_heading(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::ALL.into_iter().find(|field| {
            let (heading, japanese) = field.headings();
            heading.eq_ignore_ascii_case(text) || japanese.contains(&text)
        })
    }

    /// What a key of `[[institution]]` stands for.
    pub(super) fn of_institution_key(key: &str) -> Option<Self> {
        let field = Self::ALL.into_iter().find(|field| field.heading() == key)?;
        (!field.is_of_terminal()).then_some(field)
    }

    /// What a key of `[[institution.terminal]]` stands for.
    pub(super) fn of_terminal_key(key: &str) -> Option<Self> {
        match key {
            "id" => Some(Self::Terminal),
            "label" => Some(Self::Label),
            "status" => Some(Self::TerminalStatus),
            _ => None,
        }
    }

    fn headings(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Code => ("code", &["機関コード", "医療機関コード"]),
            Self::Name => ("name", &["機関名"]),
            Self::Kind => ("kind", &["種別"]),
            Self::Status => ("status", &["状態"]),
            Self::Networks => ("networks", &["接続方式"]),
            Self::Systems => ("systems", &["利用システム"]),
            Self::Hours => ("hours", &["利用時間"]),
            Self::IpVpn => ("ip-vpn", &["IP-VPN アドレス", "IP-VPNアドレス"]),
            Self::Inner => ("inner", &["内側アドレス", "トンネル内アドレス"]),
            Self::Within => ("within", &["包含元機関"]),
            Self::Note => ("note", &["備考"]),
            Self::Terminal => ("terminal", &["端末"]),
            Self::Label => ("label", &["端末名"]),
            Self::TerminalStatus => ("terminal-status", &["端末状態"]),
        }
    }
}
