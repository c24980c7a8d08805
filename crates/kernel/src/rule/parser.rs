//! Tokens to a tree, by CEL's precedence: `||`, `&&`, comparisons and `in`, `+ -`, `!`, members. Bounded in depth and size.
use super::{MAX_DEPTH, MAX_NODES, Op, RuleError, lexer, lexer::Token};

/// A node and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub place: usize,
    pub syntax: Syntax,
}

#[derive(Debug)]
pub(super) enum Syntax {
    Null,
    Bool(bool),
    /// Digits as written, a minus sign included.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Name(String),
    /// `record.title`, `actor.id`.
    Member {
        of: Box<Node>,
        name: String,
    },
    /// `size(x)`, `x.contains('y')`.
    Call {
        of: Option<Box<Node>>,
        name: String,
        arguments: Vec<Node>,
    },
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Compare(Op, Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    Add(Box<Node>, Box<Node>),
    Subtract(Box<Node>, Box<Node>),
}

pub(super) fn parse(text: &str) -> Result<Node, RuleError> {
    let mut parser = Parser { tokens: lexer::tokens(text)?, next: 0, end: text.len(), depth: 0, nodes: 0 };
    let node = parser.any()?;
    match parser.tokens.get(parser.next) {
        None => Ok(node),
        Some((place, _)) => Err(RuleError::new(*place, "the expression should have ended here")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    depth: usize,
    nodes: usize,
}

impl Parser {
    fn any(&mut self) -> Result<Node, RuleError> {
        self.deeper(|parser| {
            let first = parser.all()?;
            parser.chain(first, &Token::Or, Self::all, Syntax::Any)
        })
    }

    fn all(&mut self) -> Result<Node, RuleError> {
        let first = self.relation()?;
        self.chain(first, &Token::And, Self::relation, Syntax::All)
    }

    fn chain(
        &mut self,
        first: Node,
        operator: &Token,
        part: fn(&mut Self) -> Result<Node, RuleError>,
        join: fn(Vec<Node>) -> Syntax,
    ) -> Result<Node, RuleError> {
        let place = first.place;
        let mut parts = vec![first];
        while self.take(operator) {
            parts.push(part(self)?);
        }
        match parts.pop() {
            Some(only) if parts.is_empty() => Ok(only),
            last => {
                parts.extend(last);
                self.node(place, join(parts))
            }
        }
    }

    fn relation(&mut self) -> Result<Node, RuleError> {
        let left = self.sum()?;
        let place = self.place();
        let node = match self.peek() {
            Some(Token::Compare(op)) => {
                let op = *op;
                self.next += 1;
                let right = self.sum()?;
                self.node(place, Syntax::Compare(op, Box::new(left), Box::new(right)))?
            }
            Some(Token::Name(name)) if name == "in" => {
                self.next += 1;
                let right = self.sum()?;
                self.node(place, Syntax::In(Box::new(left), Box::new(right)))?
            }
            _ => return Ok(left),
        };
        match self.peek() {
            Some(Token::Compare(_)) => Err(RuleError::new(self.place(), "comparisons do not chain; join them with &&")),
            _ => Ok(node),
        }
    }

    fn sum(&mut self) -> Result<Node, RuleError> {
        let mut left = self.unary()?;
        for _ in 0..MAX_DEPTH {
            let place = self.place();
            let join = if self.take(&Token::Plus) {
                Syntax::Add
            } else if self.take(&Token::Minus) {
                Syntax::Subtract
            } else {
                return Ok(left);
            };
            let right = self.unary()?;
            left = self.node(place, join(Box::new(left), Box::new(right)))?;
        }
        Err(self.too_deep())
    }

    fn unary(&mut self) -> Result<Node, RuleError> {
        let place = self.place();
        if self.take(&Token::Not) {
            let inner = self.deeper(Self::unary)?;
            return self.node(place, Syntax::Not(Box::new(inner)));
        }
        if self.take(&Token::Minus) {
            return match self.advance() {
                Some((_, Token::Number(digits))) => self.node(place, Syntax::Number(format!("-{digits}"))),
                _ => Err(RuleError::new(place, "a minus sign belongs before a number")),
            };
        }
        let primary = self.primary()?;
        self.members(primary)
    }

    fn primary(&mut self) -> Result<Node, RuleError> {
        let end = self.end;
        let (place, token) = self.advance().ok_or_else(|| RuleError::new(end, "something is missing at the end"))?;
        match token {
            Token::Number(digits) => self.node(place, Syntax::Number(digits)),
            Token::Text(text) => self.node(place, Syntax::Text(text)),
            Token::Open => {
                let inner = self.any()?;
                self.expect(&Token::Close, "a closing parenthesis is missing")?;
                Ok(inner)
            }
            Token::OpenList => {
                let items = self.sequence(&Token::CloseList, "the list has no end")?;
                self.node(place, Syntax::List(items))
            }
            Token::Name(name) => match name.as_str() {
                "true" => self.node(place, Syntax::Bool(true)),
                "false" => self.node(place, Syntax::Bool(false)),
                "null" => self.node(place, Syntax::Null),
                _ if self.take(&Token::Open) => {
                    let arguments = self.sequence(&Token::Close, "a closing parenthesis is missing")?;
                    self.node(place, Syntax::Call { of: None, name, arguments })
                }
                _ => self.node(place, Syntax::Name(name)),
            },
            _ => Err(RuleError::new(place, "a value is missing here")),
        }
    }

    /// `.name` and `.name(...)`, as many as follow.
    fn members(&mut self, mut node: Node) -> Result<Node, RuleError> {
        for _ in 0..MAX_DEPTH {
            if !self.take(&Token::Dot) {
                return Ok(node);
            }
            let place = self.place();
            let Some((_, Token::Name(name))) = self.advance() else {
                return Err(RuleError::new(place, "a name must follow the dot"));
            };
            let of = Box::new(node);
            node = if self.take(&Token::Open) {
                let arguments = self.sequence(&Token::Close, "a closing parenthesis is missing")?;
                self.node(place, Syntax::Call { of: Some(of), name, arguments })?
            } else {
                self.node(place, Syntax::Member { of, name })?
            };
        }
        Err(self.too_deep())
    }

    fn sequence(&mut self, end: &Token, missing: &str) -> Result<Vec<Node>, RuleError> {
        let mut items = Vec::new();
        if self.take(end) {
            return Ok(items);
        }
        loop {
            items.push(self.any()?);
            if !self.take(&Token::Comma) {
                self.expect(end, missing)?;
                return Ok(items);
            }
        }
    }

    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Result<Node, RuleError>) -> Result<Node, RuleError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.too_deep());
        }
        let node = parse(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn too_deep(&self) -> RuleError {
        RuleError::new(self.place(), format!("the expression is nested deeper than {MAX_DEPTH}"))
    }

    fn node(&mut self, place: usize, syntax: Syntax) -> Result<Node, RuleError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(RuleError::new(place, format!("the expression has more than {MAX_NODES} parts")));
        }
        Ok(Node { place, syntax })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn place(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(place, _)| *place)
    }

    fn advance(&mut self) -> Option<(usize, Token)> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn take(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        self.next += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, token: &Token, missing: &str) -> Result<(), RuleError> {
        if self.take(token) { Ok(()) } else { Err(RuleError::new(self.place(), missing)) }
    }
}
