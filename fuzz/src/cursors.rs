//! Cursors of lists: any text, and anything at all that carries our tag.
use std::sync::Arc;

use ::store::Ctx;
use identity::fuzzing::{Reader, Readers};
use resources::{
    records::{ListQuery, fuzzing},
    schema::Resource,
};
use testkit::TestDb;

use crate::{
    Target,
    world::{World, keyring, told, user},
};

/// The first byte chooses one of them for what follows.
const SORTS: [&str; 14] =
    ["id", "-n", "f", "-d", "big", "b", "u", "-e", "day", "at", "mail", "must", "folder", "-created_at,n,-u,version"];

pub struct Cursors {
    world: World,
    things: Arc<Resource>,
    ctx: Ctx,
    identity: Readers,
}

impl Target for Cursors {
    const NAME: &'static str = "cursors";
    const HAS_DATABASE: bool = true;

    async fn new(db: TestDb) -> Self {
        let world = World::new(db).await;
        let (things, ctx) = (world.resource("things"), world.ctx(user(1, &[])));
        let identity = Readers::new(&world.source.system("fuzz"), &keyring()).await;
        let cursors = Self { things, ctx, identity: identity.expect("keys"), world };
        for sort in SORTS {
            cursors.walk(sort).await;
        }
        cursors
    }

    async fn run(&self, input: &[u8]) -> String {
        let Some((first, payload)) = input.split_first() else { return String::new() };
        let Some(sort) = SORTS.get(usize::from(*first)) else {
            let Ok(text) = std::str::from_utf8(input) else { return String::new() };
            assert!(!self.identity.takes(Reader::Cursor, text), "{text} was never given");
            return self.list("id", text).await;
        };
        format!("{:?}", told(fuzzing::read_cursor(&self.world.records, &self.ctx, &self.things, sort, payload)))
    }
}

impl Cursors {
    /// The pages after and before a cursor.
    async fn list(&self, sort: &str, cursor: &str) -> String {
        let query = ListQuery { sort: Some(sort.to_owned()), ..ListQuery::default() };
        let cursor = Some(cursor.to_owned());
        let mut pages = Vec::new();
        for query in [ListQuery { after: cursor.clone(), ..query.clone() }, ListQuery { before: cursor, ..query }] {
            let listed = told(self.world.records.list(&self.ctx, &self.things, query).await);
            pages.push(listed.map(|page| page.items.iter().map(|item| item.id().expect("an id")).collect::<Vec<_>>()));
        }
        format!("{pages:?}")
    }

    /// Cursors that were given lead through every record once.
    async fn walk(&self, sort: &str) {
        let query = ListQuery { sort: Some(sort.to_owned()), ..ListQuery::default() };
        let whole = self.world.records.list(&self.ctx, &self.things, query.clone()).await.expect("a list").items.len();
        let limit = kernel::Limit::new(1).expect("a limit");
        let mut query = ListQuery { limit, ..query };
        for _ in 0..whole {
            let page = self.world.records.list(&self.ctx, &self.things, query.clone()).await.expect("a page");
            assert_eq!(page.items.len(), 1);
            query.after = page.next;
        }
        assert_eq!(query.after, None, "{sort}");
    }
}
