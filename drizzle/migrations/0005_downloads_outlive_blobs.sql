ALTER TABLE "downloads" DROP CONSTRAINT "downloads_blob_id_file_hashes_id_fk";
--> statement-breakpoint
ALTER TABLE "downloads" ALTER COLUMN "blob_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "downloads" ADD CONSTRAINT "downloads_blob_id_file_hashes_id_fk" FOREIGN KEY ("blob_id") REFERENCES "public"."file_hashes"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "upload_sessions_updated" ON "upload_sessions" USING btree ("updated_at");