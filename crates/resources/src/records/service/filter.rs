//! Filters of lists: expressions over what the caller can see, and nothing else.
use std::sync::Arc;

use ::store::Ctx;
use kernel::{
    Result,
    rule::{self, Bound, Guards, Rule, Scope},
};

use super::{
    super::{Sight, View, bad_query},
    access::reading,
};
use crate::schema::{Declaration, Resource};

/// Most characters of a refusal: it may repeat a name that is as long as the filter.
const MESSAGE_LENGTH: usize = 200;

/// Reads a filter for whoever calls. A field counts as null in records that do not show it, as do all fields of a related
/// record that the caller may not read. Errors: 400 with the place of what is wrong.
pub(in crate::records) fn filter(ctx: &Ctx, declaration: &Declaration, view: &View, text: &str) -> Result<Bound> {
    let sights = Sights { ctx, declaration, view };
    let refused = |error: rule::RuleError| error.to_string().chars().take(MESSAGE_LENGTH).collect::<String>();
    let rule = Rule::parse(text, &sights).map_err(|error| bad_query("filter", refused(error)))?;
    Ok(rule.bind_guarded(&ctx.actor, ctx.now(), &sights))
}

/// What the caller sees of a record and of those it refers to.
struct Sights<'a> {
    ctx: &'a Ctx,
    declaration: &'a Declaration,
    view: &'a View,
}

/// What the caller sees of a related record.
struct Theirs(View);

impl Sights<'_> {
    fn target(&self, column: usize) -> Option<&Arc<Resource>> {
        self.declaration.target(&self.view.resource, column)
    }
}

impl Scope for Sights<'_> {
    fn column(&self, name: &str) -> Option<rule::Column> {
        column(self.view, name)
    }

    fn related(&self, column: usize) -> Option<Box<dyn Scope + '_>> {
        Some(Box::new(Theirs(View::new(self.ctx, self.target(column)?))))
    }
}

impl Scope for Theirs {
    fn column(&self, name: &str) -> Option<rule::Column> {
        column(&self.0, name)
    }
}

impl Guards for Sights<'_> {
    fn field(&self, relation: Option<usize>, field: usize) -> Option<Arc<Bound>> {
        match relation {
            None => guard(self.view, field),
            Some(column) => guard(&View::new(self.ctx, self.target(column)?), field),
        }
    }

    fn relation(&self, column: usize) -> Option<Arc<Bound>> {
        let rule = reading(self.ctx, self.target(column)?);
        (rule != Bound::Const(true)).then(|| Arc::new(rule))
    }
}

fn column(view: &View, name: &str) -> Option<rule::Column> {
    view.find(name)?;
    view.resource.rule_column(name)
}

fn guard(view: &View, field: usize) -> Option<Arc<Bound>> {
    match view.sight(field) {
        Sight::Always => None,
        Sight::Never => Some(Arc::new(Bound::Const(false))),
        Sight::Where(rule) => Some(Arc::new(rule.clone())),
    }
}
