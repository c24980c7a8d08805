//! Hearing the texts of statements, as those who check plans do.
use std::sync::{Arc, Mutex, PoisonError};

/// Hears every statement of the databases it is given to.
#[derive(Clone, Default)]
pub struct Recording {
    texts: Arc<Mutex<Vec<String>>>,
    is_rehearsal: bool,
}

impl Recording {
    /// Of a database in which nothing is run: every query finds nothing and every change changes nothing.
    pub fn rehearsal() -> Self {
        Self { is_rehearsal: true, ..Self::default() }
    }

    /// The texts since the last time, each once.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.texts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn hear(&self, sql: &str) -> bool {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.iter().all(|text| text != sql) {
            texts.push(sql.to_owned());
        }
        self.is_rehearsal
    }
}
