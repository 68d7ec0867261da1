-- The names for agents that are spawned without a name.

create function mayfly_private.name_pool()
returns text[]
language sql immutable parallel safe
set search_path = ''
return '{ada,agnes,alan,alma,amos,anya,aria,arlo,asta,axel,bela,bodil,boris,bruno,cara,cato,cleo,clio,cora,dag,dalia,dara,
  dora,edda,edgar,eero,eira,elio,elsa,emil,enzo,erik,esme,ester,ezra,faye,felix,finn,flora,freya,frida,gala,gina,greta,
  gus,hal,hana,hedy,hugo,ida,igor,ines,ingo,ira,iris,isak,ivan,ivo,jana,joan,jonas,juno,kai,kaja,kira,kurt,lara,leif,lena,
  leo,liam,lina,livia,lola,luca,luna,lydia,mael,magda,maia,malik,mara,marta,max,mila,milo,mina,moses,nadia,naomi,nico,nils,
  nina,noa,nora,odin,olga,olive,omar,oona,oscar,otto,pablo,paula,pia,piet,quinn,rafa,raya,remi,rhea,rita,rosa,ruben,runa,
  ruth,sami,saul,selma,signe,silas,sofia,sol,stella,sven,tara,tess,theo,thor,tilda,toma,tove,ugo,ulla,uma,una,vera,vesna,
  vigo,viola,wanda,willa,xenia,yara,yuri,zara,zeno,zita,zoe}'::text[];

comment on function mayfly_private.name_pool is 'The names for agents that are spawned without a name.';
