CREATE CONSTRAINT film_imdb FOR (n:Film) REQUIRE n.imdb IS UNIQUE;
CREATE INDEX person_name FOR (n:Person) ON (n.name);
CREATE TEXT INDEX film_title FOR (n:Film) ON (n.title);
CREATE INDEX acted_in FOR ()-[r:ACTED_IN]-() ON (r.role);
CREATE FULLTEXT INDEX words FOR (n:Film) ON EACH [n.title, n.tagline];
CREATE (a:Film {imdb: 'tt0133093', title: 'The Matrix', released: date('1999-03-31'), rating: 8.7})
CREATE (b:Film:Sequel {imdb: 'tt0234215', title: 'The Matrix Reloaded', released: date('2003-05-15'), tags: ['a', 'b,c', '']})
CREATE (p:Person {name: 'Keanu Reeves', born: 1964, home: point({latitude: 34.05, longitude: -118.24}), seen: datetime('2022-10-13T12:00:00.123456789[Europe/Berlin]')})
CREATE (q:Person {name: 'Carrie-Anne Moss', active: true, nothing: []})
CREATE (p)-[:ACTED_IN {role: 'Neo'}]->(a), (p)-[:ACTED_IN {role: 'Neo'}]->(b)
CREATE (q)-[:ACTED_IN {role: 'Trinity'}]->(a), (q)-[:ACTED_IN {role: 'Trinity', since: duration('P1Y2M')}]->(b)
CREATE (b)-[:FOLLOWS]->(a), (a)-[:IS]->(a)
CREATE ({alone: 9223372036854775807})
