-- all names; who bears them stays
DELETE FROM name_gram;
DELETE FROM name;
DELETE FROM form
