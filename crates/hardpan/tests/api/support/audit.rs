//! The audit trail, read as nobody outside can.
use std::collections::HashSet;

use kernel::{ApiKeyId, Id, UserId, Uuid, id};
use serde_json::Value as Json;
use testkit::TestDb;

/// One row of the audit trail.
#[derive(Clone, Debug)]
pub struct Entry {
    pub action: String,
    pub actor_type: String,
    pub actor: Option<String>,
    pub session: Option<String>,
    pub api_key: Option<String>,
    pub target_type: String,
    pub target_id: Option<Uuid>,
    pub address: Option<String>,
    pub request_id: Option<String>,
    pub before: Json,
    pub after: Json,
}

impl Entry {
    /// The target as an id that begins with `prefix`.
    pub fn target(&self, prefix: &str) -> String {
        id::encode(prefix, self.target_id.unwrap())
    }
}

/// What was written since the last look. The clock stands still in tests, so ids alone do not tell the order.
pub struct Audit<'a> {
    db: &'a TestDb,
    seen: HashSet<Uuid>,
}

impl<'a> Audit<'a> {
    /// From now on.
    pub async fn of(db: &'a TestDb) -> Self {
        let mut audit = Self { db, seen: HashSet::new() };
        audit.news().await;
        audit
    }

    /// Every row that was not there before, in no order.
    pub async fn news(&mut self) -> Vec<Entry> {
        let rows = all(self.db).await;
        rows.into_iter().filter(|(id, _)| self.seen.insert(*id)).map(|(_, entry)| entry).collect()
    }

    /// The only row since the last look.
    pub async fn one(&mut self) -> Entry {
        let news = self.news().await;
        assert_eq!(news.len(), 1, "{news:#?}");
        news.into_iter().next().unwrap()
    }

    /// The only row of this action since the last look, whatever else was written.
    pub async fn only(&mut self, action: &str) -> Entry {
        let mut news = self.news().await;
        news.retain(|entry| entry.action == action);
        assert_eq!(news.len(), 1, "{action}: {news:#?}");
        news.remove(0)
    }

    /// Panics if anything was written since the last look.
    pub async fn none(&mut self, what: &str) {
        let news = self.news().await;
        assert!(news.is_empty(), "{what}: {news:#?}");
    }

    /// What was done since the last look, sorted.
    pub async fn actions(&mut self) -> Vec<String> {
        let mut actions: Vec<String> = self.news().await.into_iter().map(|entry| entry.action).collect();
        actions.sort();
        actions
    }
}

async fn all(db: &TestDb) -> Vec<(Uuid, Entry)> {
    let sql = "SELECT id, action, actor_type, actor_id, session_id, target_type, target_id, address, request_id, before, after, \
               api_key_id FROM audit_log";
    let rows = db.ctx().read(move |_, tx| Box::pin(async move { tx.query(sql, &[]).await })).await.unwrap();
    let json = |text: Option<String>| text.map_or(Json::Null, |text| serde_json::from_str(&text).unwrap());
    let rows = rows.into_iter().map(|row| {
        let entry = Entry {
            action: row.get(1).unwrap(),
            actor_type: row.get(2).unwrap(),
            actor: row.get::<Option<UserId>>(3).unwrap().map(|id| id.to_string()),
            session: row.get::<Option<Id<kernel::id::Session>>>(4).unwrap().map(|id| id.to_string()),
            api_key: row.get::<Option<ApiKeyId>>(11).unwrap().map(|id| id.to_string()),
            target_type: row.get(5).unwrap(),
            target_id: row.get(6).unwrap(),
            address: row.get(7).unwrap(),
            request_id: row.get(8).unwrap(),
            before: json(row.get(9).unwrap()),
            after: json(row.get(10).unwrap()),
        };
        (row.get(0).unwrap(), entry)
    });
    rows.collect()
}
