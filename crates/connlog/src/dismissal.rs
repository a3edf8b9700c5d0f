//! An operator's order to end one connection, on whichever road.

use std::sync::Arc;

use reason::{Reason as _, reasons};

reasons! {
    /// Why a connection ended that an operator ended.
    pub enum Dismissed {
        /// The order was given to this connection alone.
        ByOperator = "close.operator",
            ja "担当者がこの接続を終了させました。操作した人とその理由は詳細にあります。",
            en "an operator ended this connection: the detail says who, and in what words";
    }
}

/// An operator's order to end one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dismissal {
    /// Who gave it: the name that stands in the registry's audit.
    pub operator: Arc<str>,
    /// Why, in the operator's words.
    pub words: Option<Arc<str>>,
}

impl Dismissal {
    /// The reason in the close record.
    pub fn code(&self) -> &'static str {
        Dismissed::ByOperator.code()
    }

    /// The detail of records: `by NAME: WORDS`.
    pub fn detail(&self) -> Arc<str> {
        match &self.words {
            Some(words) => format!("by {}: {words}", self.operator).into(),
            None => format!("by {}", self.operator).into(),
        }
    }
}
