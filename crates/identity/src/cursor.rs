//! Pages of identity's lists: newest first, one keyset, cursors that only this server can make.
use std::{borrow::Cow, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{
    Code, Error, Limit, Page, Result, Uuid,
    schema::{Field, Kind, Schema},
};
use platform::secrets::{Keyring, MacKey};

/// Makes and reads cursors; cheap to clone.
#[derive(Clone)]
pub(crate) struct Cursors(Arc<MacKey>);

const ID_LENGTH: usize = 16;

impl Cursors {
    pub(crate) fn new(keyring: &Keyring) -> Result<Self> {
        Ok(Self(Arc::new(keyring.mac_key("identity_cursor")?)))
    }

    /// The id after which a page of `list` begins; the highest of all for the first. Errors: 400 `bad_cursor`.
    pub(crate) fn start(&self, list: &str, after: Option<&str>) -> Result<Uuid> {
        let Some(after) = after else { return Ok(Uuid::max()) };
        let bad = || Error::new(Code::BadCursor);
        let bytes = URL_SAFE_NO_PAD.decode(after).map_err(|_| bad())?;
        let (id, mac) = bytes.split_at_checked(ID_LENGTH).ok_or_else(bad)?;
        if !self.0.verify(&signed(list, id), mac) {
            return Err(bad());
        }
        Uuid::from_slice(id).map_err(|_| bad())
    }

    /// A page out of one item more than its limit, when there is one more.
    pub(crate) fn page<T>(&self, list: &str, mut items: Vec<T>, limit: Limit, id: impl Fn(&T) -> Uuid) -> Page<T> {
        let has_more = items.len() > limit.get();
        items.truncate(limit.get());
        let next = items.last().filter(|_| has_more).map(|last| self.cursor(list, id(last)));
        Page { items, next }
    }

    fn cursor(&self, list: &str, id: Uuid) -> String {
        let mac = self.0.sign(&signed(list, id.as_bytes()));
        URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), &mac].concat())
    }
}

/// A cursor of one list is none of another's.
fn signed(list: &str, id: &[u8]) -> Vec<u8> {
    [list.as_bytes(), &[0], id].concat()
}

/// How many rows to ask for: one more than the page holds tells whether another follows.
pub(crate) fn rows(limit: Limit) -> i64 {
    i64::try_from(limit.get()).unwrap_or(i64::MAX).saturating_add(1)
}

/// The query parameters of a paged list.
pub(crate) fn query() -> Vec<Field> {
    vec![
        Field::optional("limit", Kind::Int { min: 1, max: i64::from(Limit::MAX) })
            .describe("Items a page; 50 by default"),
        Field::optional("after", Kind::text(200)).describe("The `next` of the page before"),
    ]
}

/// The shape of a page.
pub(crate) fn page_schema(item: Schema) -> Schema {
    let items = Kind::Array { items: Box::new(Kind::Object(item)), max: usize::from(Limit::MAX) };
    let next = Field::required(Cow::Borrowed("next"), Kind::text(200)).nullable();
    Schema::new(vec![Field::required("items", items), next])
}

#[cfg(test)]
mod tests {
    use kernel::Secret;

    use super::*;

    #[test]
    fn cursors_lead_on_in_their_own_list_alone() {
        let cursors = Cursors::new(&Keyring::new(Secret::new(vec![1; 32]), None).unwrap()).unwrap();
        let ids: Vec<Uuid> = (0..3).map(Uuid::from_u128).collect();
        let limit = Limit::new(2).unwrap();
        let page = cursors.page("users", ids.clone(), limit, |id| *id);
        assert_eq!(page.items, ids[..2]);
        let next = page.next.unwrap();
        assert_eq!(cursors.start("users", Some(&next)).unwrap(), ids[1]);
        assert_eq!(cursors.start("users", None).unwrap(), Uuid::max());
        for bad in ["", "x", &next[1..], &format!("B{}", &next[1..])] {
            assert_eq!(cursors.start("users", Some(bad)).map_err(|error| error.code()), Err(Code::BadCursor), "{bad}");
        }
        assert!(cursors.start("sessions", Some(&next)).is_err());
        assert_eq!(cursors.page("users", ids[..2].to_vec(), limit, |id| *id).next, None);
    }
}
